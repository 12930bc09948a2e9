# Posts each file to an address with Perl's LWP, which names hop-by-hop fields (te, connection: TE); one line a reply:
# status, retry-after, how it ended, body.
use strict;
use warnings;
use LWP::UserAgent;
use MIME::Base64;

my ($address, @names) = @ARGV;
my $agent = LWP::UserAgent->new(keep_alive => 1);
for my $name (@names) {
    open(my $file, '<:raw', $name) or die $!;
    my $sent = do { local $/; <$file> };
    my $body = '';
    my $reply = $agent->post(
        $address,
        'Authorization' => 'Bearer k',
        'Content-Type'  => 'application/json',
        'Content'       => $sent,
        ':content_cb'   => sub { $body .= $_[0] },
    );
    $body = $reply->content if $reply->is_error;
    my $broken = $reply->header('X-Died') || ($reply->header('Client-Aborted') // '') || ($reply->header('Client-Warning') // '');
    my $status = $reply->header('Client-Warning') ? '-' : $reply->code;
    print join(' ', $status, $reply->header('retry-after') // '-', $broken ? 'cut' : 'ended', encode_base64($body, '')), "\n";
}
