# Posts each file to an address with the command curl; one line a reply: status, retry-after, how it ended, body.
address=$1
shift
for name; do
  ended=ended
  said=$(curl -sN "$address" -H 'authorization: Bearer k' -H 'content-type: application/json' --data-binary "@$name" \
    -o "$name.reply" -w '%{http_code} %header{retry-after}') || ended=cut
  echo "$said $ended $(base64 <"$name.reply" | tr -d '\n')"
  rm -f "$name.reply"
done
