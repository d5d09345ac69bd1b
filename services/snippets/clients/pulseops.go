// Sends logs to PulseOps from Go 1.18 or newer, without modules. Save it as pulseops.go and try it: go run pulseops.go
// In your program: logs := NewPulseOps(ingestURL, apiKey); defer logs.Close(); logs.Warn("No", Fields{"user": 7})
// os.Exit and log.Fatal run nothing that is deferred: call logs.Close() before.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	ingestURL = "https://pulseops.example/api/v1/logs/ingest"
	apiKey    = "pol_YOUR_KEY"
	maxDepth  = 28 // of a field; what is nested deeper becomes text
)

var (
	capacity  = 10000            // logs that may wait; as long as there is room, a batch is sent again until it is taken
	batchSize = 500              // logs in a request
	interval  = time.Second      // that a batch is gathered
	patience  = 70 * time.Second // that Close waits for the last logs, at most
	isPartial = regexp.MustCompile(`"rejected":\s*[1-9]`)
)

// Fields become searchable; trace_id and request_id join logs that belong together.
type Fields map[string]any

// PulseOps queues logs and posts them in batches, so that the program never waits for the network.
type PulseOps struct {
	url, key string
	client   http.Client
	queue    chan []byte
	dropped  int64
	state    sync.RWMutex
	isClosed bool
	isLate   sync.Once
	closing  chan struct{}
	done     chan struct{}
}

func NewPulseOps(url, key string) *PulseOps {
	p := &PulseOps{url: url, key: key, client: http.Client{Timeout: 10 * time.Second}}
	p.queue, p.closing, p.done = make(chan []byte, capacity), make(chan struct{}), make(chan struct{})
	go p.run()
	return p
}

func (p *PulseOps) Debug(message string, fields Fields) { p.add("debug", message, fields) }
func (p *PulseOps) Info(message string, fields Fields)  { p.add("info", message, fields) }
func (p *PulseOps) Warn(message string, fields Fields)  { p.add("warn", message, fields) }
func (p *PulseOps) Error(message string, fields Fields) { p.add("error", message, fields) }

// Close sends what waits. What is logged after it is dropped, and said so.
func (p *PulseOps) Close() {
	p.state.Lock()
	if !p.isClosed {
		p.isClosed = true
		close(p.closing)
	}
	p.state.Unlock()
	select {
	case <-p.done:
	case <-time.After(patience):
		complain("did not take all logs within %s", patience)
	}
}

func (p *PulseOps) add(level, message string, fields Fields) {
	line := encoded(level, message, fields)
	p.state.RLock()
	defer p.state.RUnlock()
	if p.isClosed {
		p.isLate.Do(func() { complain("was closed, and logs are dropped: %.200s", message) })
		return
	}
	select {
	case p.queue <- line:
	default:
		atomic.AddInt64(&p.dropped, 1)
	}
}

func (p *PulseOps) run() {
	defer close(p.done)
	for lines := p.gather(); len(lines) > 0; lines = p.gather() {
		p.post(lines)
		if dropped := atomic.SwapInt64(&p.dropped, 0); dropped > 0 {
			complain("%d logs were dropped, the queue was full", dropped)
		}
	}
}

// gather waits for logs, and then for more, until the batch is full; it returns none once all is sent and closed.
func (p *PulseOps) gather() (lines [][]byte) {
	var after <-chan time.Time
	for size := 0; len(lines) < batchSize && size < 1000000; size += len(lines[len(lines)-1]) {
		select {
		case line := <-p.queue:
			lines = append(lines, line)
		case <-after:
			return lines
		case <-p.closing:
			select {
			case line := <-p.queue:
				lines = append(lines, line)
			default:
				return lines
			}
		}
		if after == nil {
			after = time.After(interval)
		}
	}
	return lines
}

func (p *PulseOps) post(lines [][]byte) {
	body := append(append([]byte(`{"logs":[`), bytes.Join(lines, []byte(","))...), "]}"...)
	id := make([]byte, 16)
	rand.Read(id)
	for attempt := 1; ; attempt++ {
		problem, isFinal, asked := p.attempt(body, fmt.Sprintf("%x", id))
		if problem == "" {
			return
		}
		if isFinal || attempt > 5 && len(p.queue) >= cap(p.queue) {
			complain("did not take %d logs: %s", len(lines), problem)
			return
		}
		if attempt == 5 {
			complain("cannot be reached, logs wait: %s", problem)
		}
		p.pause(asked, time.Duration(math.Min(math.Pow(2, float64(attempt-1)), 10))*time.Second)
	}
}

// attempt returns the problem, if any, whether it is final, and how long the server asks to wait.
func (p *PulseOps) attempt(body []byte, id string) (problem string, isFinal bool, asked time.Duration) {
	request, err := http.NewRequest("POST", p.url, bytes.NewReader(body))
	if err != nil {
		return err.Error(), true, 0
	}
	request.Header.Set("x-api-key", p.key)
	request.Header.Set("content-type", "application/json")
	request.Header.Set("prefer", "handling=lenient") // one bad entry must not cost the others
	request.Header.Set("idempotency-key", id)        // a batch that is sent again is stored once
	response, err := p.client.Do(request)
	if err != nil {
		return err.Error(), false, 0
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 3000))
	if response.StatusCode < 300 {
		if isPartial.Match(answer) {
			complain("did not take all of a batch: %s", answer)
		}
		return "", false, 0
	}
	if seconds, err := strconv.Atoi(response.Header.Get("retry-after")); err == nil && seconds > 0 {
		asked = time.Duration(math.Min(float64(seconds), 60)) * time.Second
	}
	status := response.StatusCode
	return fmt.Sprintf("%d %.300s", status, answer), status < 500 && status != 408 && status != 429, asked
}

// pause waits as long as the server asked, or else for a time that Close cuts short.
func (p *PulseOps) pause(asked, wait time.Duration) {
	if asked > 0 {
		time.Sleep(asked)
		return
	}
	select {
	case <-time.After(wait):
	case <-p.closing:
		time.Sleep(500 * time.Millisecond)
	}
}

func encoded(level, message string, fields Fields) []byte {
	if message == "" {
		message = "(empty)"
	} else if len(message) > 60000 {
		message = message[:60000]
	}
	meta, room := map[string]any{}, 20000 // values in a log
	entry := map[string]any{"timestamp": time.Now().UnixMicro(), "level": level, "message": message, "meta": meta}
	for name, value := range fields {
		value = plain(value, &room, 0)
		if name != "trace_id" && name != "request_id" {
			meta[name] = value
		} else if value != nil && value != "" {
			entry[name] = fmt.Sprintf("%.200s", fmt.Sprint(value))
		}
	}
	line, err := json.Marshal(entry)
	if err != nil || len(line) > 500000 || bytes.Count(line, []byte(`":`)) > 900 { // more than a log may have
		text, _ := json.Marshal(meta)
		entry["meta"] = Fields{"fields": fmt.Sprintf("%.60000s", text)}
		line, _ = json.Marshal(entry)
	}
	return line
}

// plain returns a value as JSON has it, and as text what JSON has not.
func plain(value any, room *int, depth int) (result any) {
	defer func() {
		if problem := recover(); problem != nil { // a method of the value's
			result = fmt.Sprintf("<%T: %v>", value, problem)
		}
	}()
	*room--
	switch v := value.(type) {
	case error:
		return errorFields(v, room, depth)
	case json.Number:
		if number, err := v.Float64(); err != nil || math.IsInf(number, 0) || len(v) > 300 {
			return v.String()
		}
		return v
	case json.Marshaler, encoding.TextMarshaler:
		return marshalled(v, room, depth)
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.String:
		return v.String()
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return fmt.Sprint(value)
		}
		return value
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Pointer:
		return container(v, room, depth)
	case reflect.Complex64, reflect.Complex128, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Sprintf("%v", value)
	case reflect.Struct:
		return marshalled(value, room, depth)
	}
	return value
}

func container(v reflect.Value, room *int, depth int) any {
	if *room < 0 || depth > 2*maxDepth {
		return "…"
	}
	if depth == maxDepth {
		text, _ := json.Marshal(plain(v.Interface(), room, depth+1))
		return string(text)
	}
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		return plain(v.Elem().Interface(), room, depth+1)
	case v.Kind() != reflect.Map && v.Type().Elem().Kind() == reflect.Uint8:
		return fmt.Sprintf("%.60000s", v.Interface())
	}
	if v.Kind() == reflect.Map {
		members := map[string]any{}
		for each := v.MapRange(); each.Next() && *room >= 0; {
			members[fmt.Sprint(each.Key())] = plain(each.Value().Interface(), room, depth+1)
		}
		return members
	}
	items := []any{}
	for i := 0; i < v.Len() && *room >= 0; i++ {
		items = append(items, plain(v.Index(i).Interface(), room, depth+1))
	}
	return items
}

// marshalled returns what a value makes of itself, as its tags and methods say.
func marshalled(value any, room *int, depth int) (result any) {
	text, err := json.Marshal(value)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		err = decoder.Decode(&result)
	}
	if err != nil && strings.Contains(err.Error(), "cycle") {
		return fmt.Sprintf("<%T: %v>", value, err)
	}
	if err != nil { // not a number, a channel, a function
		return fmt.Sprintf("%.60000s", fmt.Sprintf("%+v", value))
	}
	return plain(result, room, depth+1)
}

// errorFields returns an error with its causes. Errors of Go have no stack; those of some packages print one by %+v, for
// all others the one of the call that logs is taken.
func errorFields(err error, room *int, depth int) any {
	if *room < 0 || depth > maxDepth {
		return fmt.Sprint(err)
	}
	fields := map[string]any{"type": fmt.Sprintf("%T", err), "message": fmt.Sprint(err)}
	if stack := fmt.Sprintf("%+v", err); stack != fields["message"] {
		fields["stack"] = stack
	} else if depth == 0 {
		fields["stack"] = callers()
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		if cause := wrapper.Unwrap(); cause != nil {
			fields["cause"] = plain(cause, room, depth+1)
		}
	case interface{ Unwrap() []error }:
		fields["causes"] = plain(wrapper.Unwrap(), room, depth+1)
	}
	return fields
}

func callers() string {
	counters := make([]uintptr, 50)
	frames := runtime.CallersFrames(counters[:runtime.Callers(7, counters)]) // above Debug, Info, Warn and Error
	text := strings.Builder{}
	for frame, more := frames.Next(); frame.PC != 0; frame, more = frames.Next() {
		fmt.Fprintf(&text, "%s\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
		if !more {
			break
		}
	}
	return text.String()
}

func complain(problem string, values ...any) {
	fmt.Fprintf(os.Stderr, "PulseOps "+problem+"\n", values...)
}

func main() {
	logs := NewPulseOps(ingestURL, apiKey)
	defer logs.Close()
	logs.Info("Hello from Go", Fields{"user": "ada"})
}
