// Posts each file to an address with Go's own HTTP client; one line a reply: status, retry-after, how it ended, body.
package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for _, name := range os.Args[2:] {
		file, _ := os.Open(name)
		// A reader of unknown length: the body goes out in chunks.
		request, _ := http.NewRequest("POST", os.Args[1], io.MultiReader(file))
		request.Header.Set("Authorization", "Bearer k")
		request.Header.Set("Content-Type", "application/json")
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println("- - cut -")
			continue
		}
		body, err := io.ReadAll(reply.Body)
		ended := "ended"
		if err != nil {
			ended = "cut"
		}
		wait := reply.Header.Get("retry-after")
		if wait == "" {
			wait = "-"
		}
		fmt.Println(reply.StatusCode, wait, ended, base64.StdEncoding.EncodeToString(body))
	}
}
