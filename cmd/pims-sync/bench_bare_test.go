package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bareClientName is what the test binary is called to be a bare client.
const bareClientName = "bare-client"

// A bareRequest is one that the bare client sends.
type bareRequest struct {
	Method, URL string
	Header      http.Header
}

// bareRequests sends the requests of the last sync again, back to back over one
// connection, and reads the answers: the least that a client can do. The client is
// a process of its own, as the measured one is.
func (s *subject) bareRequests(b *testing.B) (took time.Duration) {
	b.Helper()
	var requests []bareRequest
	for _, r := range s.tape.rewind() {
		requests = append(requests, bareRequest{r.Method, s.neo.URL + r.RequestURI, r.Header})
	}
	require.NotEmpty(b, requests)
	client := exec.Command(bareClientName)
	client.Stderr = os.Stderr
	in, err := client.StdinPipe()
	require.NoError(b, err)
	out, err := client.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, client.Start())
	require.NoError(b, json.NewEncoder(in).Encode(requests))
	require.NoError(b, json.NewDecoder(out).Decode(&took))
	require.NoError(b, client.Wait())
	return took
}

// bareClient reads requests, sends them, and writes how long that took.
func bareClient() {
	took, err := sendBare(context.Background())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(took)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, bareClientName+":", err)
		os.Exit(1)
	}
}

func sendBare(ctx context.Context) (time.Duration, error) {
	var requests []bareRequest
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		return 0, err
	}
	start := time.Now()
	for _, r := range requests {
		request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, http.NoBody)
		if err != nil {
			return 0, err
		}
		request.Header = r.Header
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return 0, err
		}
		if err := response.Body.Close(); err != nil {
			return 0, err
		}
		if response.StatusCode >= http.StatusInternalServerError {
			return 0, fmt.Errorf("%s %s: %s", r.Method, r.URL, response.Status)
		}
	}
	return time.Since(start), nil
}
