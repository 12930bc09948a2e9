# Posts each file to an address with Ruby's own HTTP client, over one connection; one line a reply: status, retry-after,
# how it ended, body.
require "net/http"

address = URI(ARGV.shift)
headers = { "Authorization" => "Bearer k", "Content-Type" => "application/json" }
Net::HTTP.start(address.host, address.port) do |http|
  http.max_retries = 0
  ARGV.each do |name|
    body = +""
    reply = nil
    begin
      ended = "ended"
      http.request_post(address.path, File.read(name), headers) do |response|
        reply = response
        response.read_body { |part| body << part }
      end
    rescue IOError, SystemCallError, Net::HTTPBadResponse
      ended = "cut"
    end
    puts [reply ? reply.code : "-", reply && reply["retry-after"] || "-", ended, [body].pack("m0")].join(" ")
  end
end
