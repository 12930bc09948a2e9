# Posts each file to an address with Erlang's own HTTP client; one line a reply: status, retry-after, how it ended, body.
{:ok, _} = Application.ensure_all_started(:inets)
[address | names] = System.argv()

for name <- names do
  headers = [{'authorization', 'Bearer k'}]
  request = {String.to_charlist(address), headers, 'application/json', File.read!(name)}

  case :httpc.request(:post, request, [], body_format: :binary) do
    {:ok, {{_, status, _}, fields, body}} ->
      wait = for {'retry-after', value} <- fields, do: value
      IO.puts("#{status} #{if wait == [], do: "-", else: wait} ended #{Base.encode64(body)}")

    {:error, _} ->
      IO.puts("- - cut -")
  end
end
