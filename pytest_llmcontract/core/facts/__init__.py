"""What is known of providers: dated records, the edition of a day, and where they come from."""
