// Sends logs to PulseOps from Java 17 or newer, without libraries. Save it as PulseOps.java and try it: java PulseOps.java
// In your program: var logs = new PulseOps(); logs.warn("Card refused", Map.of("user", 7)); and logs.close() at the end
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** Queues logs and posts them in batches from a thread, so that the program never waits for the network. */
public class PulseOps implements AutoCloseable {
    static final String INGEST_URL = "https://pulseops.example/api/v1/logs/ingest";
    static final String API_KEY = "pol_YOUR_KEY";
    static final int CAPACITY = 10_000, BATCH = 500;

    private final URI url;
    private final String key;
    private final ArrayBlockingQueue<String> queue = new ArrayBlockingQueue<>(CAPACITY);
    private final AtomicInteger dropped = new AtomicInteger();
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofSeconds(10)).build();
    private final Thread thread = new Thread(this::run, "pulseops");
    private volatile boolean closing;

    public PulseOps() { this(INGEST_URL, API_KEY); }

    public PulseOps(String url, String key) {
        this.url = URI.create(url);
        this.key = key;
        thread.setDaemon(true);
        thread.start();
    }

    public void debug(String message, Map<String, ?> fields) { add("debug", message, fields); }
    public void info(String message, Map<String, ?> fields) { add("info", message, fields); }
    public void warn(String message, Map<String, ?> fields) { add("warn", message, fields); }
    public void error(String message, Map<String, ?> fields) { add("error", message, fields); }

    /** Sends what waits, and ends the thread. */
    @Override public void close() throws InterruptedException {
        closing = true;
        thread.join();
    }

    private void add(String level, String message, Map<String, ?> fields) {
        var now = Instant.now();
        var text = message == null || message.isEmpty() ? "(empty)" : message;
        var meta = new LinkedHashMap<String, Object>(fields);
        var entry = new LinkedHashMap<String, Object>();
        entry.put("timestamp", now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000);
        entry.put("level", level);
        entry.put("message", text.substring(0, Math.min(text.length(), 60_000)));
        for (var id : List.of("trace_id", "request_id")) {
            var value = meta.remove(id);
            if (value != null) entry.put(id, value.toString());
        }
        entry.put("meta", meta);
        if (!queue.offer(json(entry, 0))) dropped.incrementAndGet();
    }

    private void run() {
        try {
            while (!closing || !queue.isEmpty()) {
                var lines = gather();
                if (!lines.isEmpty()) post(lines);
                int lost = dropped.getAndSet(0);
                if (lost > 0) System.err.println("PulseOps: " + lost + " logs were dropped, the queue was full");
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits for logs: a second long, or until the batch is full. */
    private List<String> gather() throws InterruptedException {
        var lines = new ArrayList<String>();
        long size = 0, until = System.nanoTime() + 1_000_000_000L;
        while (lines.size() < BATCH && size < 1_000_000) {
            var line = closing ? queue.poll() : queue.poll(Math.min(until - System.nanoTime(), 50_000_000L), TimeUnit.NANOSECONDS);
            if (line != null) {
                lines.add(line);
                size += line.length();
            } else if (closing || System.nanoTime() >= until) {
                break;
            }
        }
        return lines;
    }

    private void post(List<String> lines) throws InterruptedException {
        var request = HttpRequest.newBuilder(url).timeout(Duration.ofSeconds(10))
            .header("x-api-key", key)
            .header("content-type", "application/json")
            .header("prefer", "handling=lenient") // one bad entry must not cost the others
            .header("idempotency-key", UUID.randomUUID().toString()) // a batch that is sent again is stored once
            .POST(HttpRequest.BodyPublishers.ofString("{\"logs\":[" + String.join(",", lines) + "]}"))
            .build();
        var problem = "";
        for (int attempt = 0; attempt < 6; attempt++) {
            long wait = 1L << attempt;
            try {
                var response = client.send(request, BodyHandlers.ofString());
                int status = response.statusCode();
                if (status < 300) return;
                var answer = response.body();
                problem = status + " " + answer.substring(0, Math.min(answer.length(), 300));
                if (status < 500 && status != 408 && status != 429) break;
                var after = response.headers().firstValue("retry-after").orElse("");
                if (after.matches("\\d{1,9}")) wait = Math.min(Long.parseLong(after), 60);
            } catch (IOException error) {
                problem = error.toString();
            }
            TimeUnit.SECONDS.sleep(wait);
        }
        System.err.println("PulseOps did not take " + lines.size() + " logs: " + problem);
    }

    /** JSON of what fields may hold; anything else as its text. */
    private static String json(Object value, int depth) {
        if (value == null || value instanceof Boolean) return String.valueOf(value);
        if (value instanceof Number number && Double.isFinite(number.doubleValue())) return number.toString();
        if (depth < 16 && value instanceof Map<?, ?> map) return map.entrySet().stream()
            .map(each -> quoted(String.valueOf(each.getKey())) + ":" + json(each.getValue(), depth + 1))
            .collect(Collectors.joining(",", "{", "}"));
        if (depth < 16 && value instanceof Iterable<?> items) {
            var all = new StringJoiner(",", "[", "]");
            for (var item : items) all.add(json(item, depth + 1));
            return all.toString();
        }
        if (value instanceof Throwable error) return json(Map.of("name", error.getClass().getName(),
            "message", String.valueOf(error.getMessage()), "stack", Arrays.asList(error.getStackTrace())), depth);
        return quoted(depth < 16 ? String.valueOf(value) : value.getClass().getName());
    }

    private static String quoted(String text) {
        var out = new StringBuilder("\"");
        for (char each : text.toCharArray())
            if (each == '"' || each == '\\') out.append('\\').append(each);
            else if (each < ' ') out.append(String.format("\\u%04x", (int) each));
            else out.append(each);
        return out.append('"').toString();
    }

    public static void main(String[] args) throws InterruptedException {
        try (var logs = new PulseOps()) {
            logs.info("Hello from Java", Map.of("user", "ada"));
        }
    }
}
