// Sends logs to PulseOps from Go 1.18 or newer, without modules. Save it as pulseops.go and try it: go run pulseops.go
// In your program: logs := NewPulseOps(ingestURL, apiKey); defer logs.Close(); logs.Warn("Card refused", Fields{"user": 7})
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	ingestURL = "https://pulseops.example/api/v1/logs/ingest"
	apiKey    = "pol_YOUR_KEY"
	capacity  = 10000 // logs that may wait
	batchSize = 500   // logs in a request
)

// Fields become searchable; trace_id and request_id join logs that belong together.
type Fields map[string]any

// PulseOps queues logs and posts them in batches, so that the program never waits for the network.
type PulseOps struct {
	url, key string
	queue    chan []byte
	done     chan struct{}
	dropped  int64
}

func NewPulseOps(url, key string) *PulseOps {
	p := &PulseOps{url: url, key: key, queue: make(chan []byte, capacity), done: make(chan struct{})}
	go p.run()
	return p
}

func (p *PulseOps) Debug(message string, fields Fields) { p.add("debug", message, fields) }
func (p *PulseOps) Info(message string, fields Fields)  { p.add("info", message, fields) }
func (p *PulseOps) Warn(message string, fields Fields)  { p.add("warn", message, fields) }
func (p *PulseOps) Error(message string, fields Fields) { p.add("error", message, fields) }

// Close sends what waits; nothing may be logged after it.
func (p *PulseOps) Close() {
	close(p.queue)
	<-p.done
}

func (p *PulseOps) add(level, message string, fields Fields) {
	if message == "" {
		message = "(empty)"
	} else if len(message) > 60000 {
		message = message[:60000]
	}
	meta := Fields{}
	entry := map[string]any{"timestamp": time.Now().UnixMicro(), "level": level, "message": message, "meta": meta}
	for name, value := range fields {
		if err, ok := value.(error); ok {
			value = err.Error()
		}
		if name == "trace_id" || name == "request_id" {
			entry[name] = fmt.Sprint(value)
		} else {
			meta[name] = value
		}
	}
	line, err := json.Marshal(entry)
	if err != nil { // not a number, a channel, a function
		entry["meta"] = Fields{"fields": fmt.Sprintf("%+v", meta)}
		line, _ = json.Marshal(entry)
	}
	select {
	case p.queue <- line:
	default:
		atomic.AddInt64(&p.dropped, 1)
	}
}

func (p *PulseOps) run() {
	defer close(p.done)
	for line := range p.queue {
		p.post(p.gather(line))
		if dropped := atomic.SwapInt64(&p.dropped, 0); dropped > 0 {
			fmt.Fprintf(os.Stderr, "PulseOps: %d logs were dropped, the queue was full\n", dropped)
		}
	}
}

// gather waits for more: a second long, or until the batch is full.
func (p *PulseOps) gather(line []byte) [][]byte {
	lines, size, after := [][]byte{line}, len(line), time.After(time.Second)
	for len(lines) < batchSize && size < 1000000 {
		select {
		case line, open := <-p.queue:
			if !open {
				return lines
			}
			lines, size = append(lines, line), size+len(line)
		case <-after:
			return lines
		}
	}
	return lines
}

func (p *PulseOps) post(lines [][]byte) {
	body := append(append([]byte(`{"logs":[`), bytes.Join(lines, []byte(","))...), "]}"...)
	id := make([]byte, 16)
	rand.Read(id)
	client := http.Client{Timeout: 10 * time.Second}
	problem := ""
	for attempt := 0; attempt < 6; attempt++ {
		wait := time.Second << attempt
		request, err := http.NewRequest("POST", p.url, bytes.NewReader(body))
		if err != nil {
			problem = err.Error()
			break
		}
		request.Header.Set("x-api-key", p.key)
		request.Header.Set("content-type", "application/json")
		request.Header.Set("prefer", "handling=lenient")             // one bad entry must not cost the others
		request.Header.Set("idempotency-key", fmt.Sprintf("%x", id)) // a batch that is sent again is stored once
		response, err := client.Do(request)
		if err != nil {
			problem = err.Error()
		} else {
			answer, _ := io.ReadAll(io.LimitReader(response.Body, 300))
			response.Body.Close()
			if response.StatusCode < 300 {
				return
			}
			problem = fmt.Sprintf("%d %s", response.StatusCode, answer)
			if response.StatusCode < 500 && response.StatusCode != 408 && response.StatusCode != 429 {
				break
			}
			if seconds, err := strconv.Atoi(response.Header.Get("retry-after")); err == nil && seconds <= 60 {
				wait = time.Duration(seconds) * time.Second
			} else if err == nil {
				wait = time.Minute
			}
		}
		time.Sleep(wait)
	}
	fmt.Fprintf(os.Stderr, "PulseOps did not take %d logs: %s\n", len(lines), problem)
}

func main() {
	logs := NewPulseOps(ingestURL, apiKey)
	defer logs.Close()
	logs.Info("Hello from Go", Fields{"user": "ada"})
}
