// Posts each file to an address with Java's own HTTP client, which asks for HTTP/2 each time (upgrade: h2c);
// one line a reply: status, retry-after, how it ended, body.
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Base64;

public class Client {
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 1; i < args.length; i++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(args[0]))
                .header("Authorization", "Bearer k")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofFile(Path.of(args[i])))
                .build();
            HttpResponse<InputStream> reply;
            try {
                reply = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
            } catch (IOException problem) {
                System.out.println("- - cut -");
                continue;
            }
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            String ended = "ended";
            try (InputStream stream = reply.body()) {
                byte[] part = new byte[512];
                for (int n = stream.read(part); n >= 0; n = stream.read(part)) body.write(part, 0, n);
            } catch (IOException problem) {
                ended = "cut";
            }
            String wait = reply.headers().firstValue("retry-after").orElse("-");
            String text = Base64.getEncoder().encodeToString(body.toByteArray());
            System.out.println(reply.statusCode() + " " + wait + " " + ended + " " + text);
        }
    }
}
