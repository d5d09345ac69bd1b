// Sends logs to PulseOps from Java 17 or newer, without libraries. Save it as PulseOps.java and try it: java PulseOps.java
// In your program: var logs = new PulseOps(); logs.warn("Refused", Map.of("user", 7)); logs.error("Failed", error);
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Array;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Queues logs and posts them in batches from a thread, so that the program never waits for the network. */
public class PulseOps implements AutoCloseable {
    static final String INGEST_URL = "https://pulseops.example/api/v1/logs/ingest";
    static final String API_KEY = "pol_YOUR_KEY";
    static int capacity = 10_000; // logs that may wait; while there is room, a batch is sent until it is taken
    static int batchSize = 500; // logs in a request
    static long interval = 1_000; // milliseconds that a batch is gathered
    static long patience = 70_000; // milliseconds that close() waits for the last logs, at most

    private static final int DEPTH = 28; // of a field; what is nested deeper becomes text
    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d{1,3})?");
    private static final Pattern PARTIAL = Pattern.compile("\"rejected\":\\s*[1-9]");
    private static final Pattern SECONDS = Pattern.compile("\\d{1,9}");

    private final URI url;
    private final String key;
    private final ArrayBlockingQueue<String> queue = new ArrayBlockingQueue<>(capacity);
    private final AtomicInteger dropped = new AtomicInteger();
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofSeconds(10)).build();
    private final Thread thread = new Thread(this::run, "pulseops");
    private final CountDownLatch closing = new CountDownLatch(1);
    private boolean isLate;

    public PulseOps() { this(INGEST_URL, API_KEY); }

    public PulseOps(String url, String key) {
        this.url = URI.create(url);
        this.key = key;
        thread.setDaemon(true);
        thread.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try { close(); } catch (InterruptedException stop) { Thread.currentThread().interrupt(); }
        }));
    }

    /** `details` are maps of fields, and exceptions. */
    public void debug(Object message, Object... details) { add("debug", message, details); }
    public void info(Object message, Object... details) { add("info", message, details); }
    public void warn(Object message, Object... details) { add("warn", message, details); }
    public void error(Object message, Object... details) { add("error", message, details); }

    /** Sends what waits; the end of the program does so by itself. What is logged after it is dropped, and said so. */
    @Override public void close() throws InterruptedException {
        synchronized (queue) { closing.countDown(); }
        thread.join(patience);
        if (thread.isAlive()) complain("did not take all logs within " + patience / 1000.0 + " s");
    }

    private void add(String level, Object message, Object... details) {
        var line = encoded(level, message, details == null ? List.of() : Arrays.asList(details));
        synchronized (queue) {
            if (closing.getCount() > 0) {
                if (!queue.offer(line)) dropped.incrementAndGet();
            } else if (!isLate) {
                isLate = true;
                complain("was closed, and logs are dropped: " + text(message, 200));
            }
        }
    }

    private void run() {
        try {
            for (var lines = gather(); !lines.isEmpty(); lines = gather()) {
                post(lines);
                int lost = dropped.getAndSet(0);
                if (lost > 0) complain(lost + " logs were dropped, the queue was full");
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits for logs, and then for more, until the batch is full; returns none once all is sent and closed. */
    private List<String> gather() throws InterruptedException {
        var lines = new ArrayList<String>();
        long size = 0, ends = Long.MAX_VALUE;
        while (lines.size() < batchSize && size < 1_000_000) {
            boolean isClosing = closing.getCount() == 0;
            var line = queue.poll(isClosing ? 0 : 50, TimeUnit.MILLISECONDS);
            if (line == null && (isClosing || System.nanoTime() > ends)) break;
            if (line == null) continue;
            if (lines.isEmpty()) ends = System.nanoTime() + interval * 1_000_000;
            lines.add(line);
            size += line.length();
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
        for (int attempt = 1; ; attempt++) {
            var problem = "";
            long asked = 0;
            try {
                var response = client.send(request, BodyHandlers.ofString());
                int status = response.statusCode();
                var answer = response.body();
                if (status < 300) {
                    if (PARTIAL.matcher(answer).find()) complain("did not take all of a batch: " + text(answer, 3_000));
                    return;
                }
                problem = status + " " + text(answer, 300);
                var after = response.headers().firstValue("retry-after").orElse("");
                if (SECONDS.matcher(after).matches()) asked = Math.min(Long.parseLong(after), 60);
                if (status < 500 && status != 408 && status != 429) attempt = Integer.MAX_VALUE;
            } catch (IOException error) {
                problem = error.toString();
            }
            if (attempt == Integer.MAX_VALUE || attempt > 5 && queue.remainingCapacity() == 0) {
                complain("did not take " + lines.size() + " logs: " + problem);
                return;
            }
            if (attempt == 5) complain("cannot be reached, logs wait: " + problem);
            pause(asked, (long) Math.min(Math.pow(2, attempt - 1), 10));
        }
    }

    /** Waits as long as the server asked, or else `seconds`, which close() cuts short. */
    private void pause(long asked, long seconds) throws InterruptedException {
        if (asked > 0) TimeUnit.SECONDS.sleep(asked);
        else if (closing.await(seconds, TimeUnit.SECONDS)) TimeUnit.MILLISECONDS.sleep(500);
    }

    private static String encoded(String level, Object message, List<?> details) {
        var now = Instant.now();
        var fields = new LinkedHashMap<String, Object>();
        if (message instanceof Throwable) fields.put("error", message);
        for (var detail : details) {
            if (detail instanceof Map<?, ?> map) map.forEach((name, value) -> fields.put(text(name, 1_000), value));
            else if (detail instanceof Throwable) fields.put(fields.containsKey("error") ? "error_2" : "error", detail);
            else if (detail != null) fields.put("details", detail);
        }
        var ids = new StringBuilder();
        for (var name : List.of("trace_id", "request_id")) {
            var value = fields.remove(name);
            var id = value == null ? "" : text(value, 200);
            if (!id.isEmpty()) ids.append(",\"").append(name).append("\":").append(quoted(id));
        }
        var text = text(message == null ? "" : message, 60_000);
        var micros = now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
        var entry = "{\"timestamp\":" + micros + ",\"level\":\"" + level + "\",\"message\":"
            + quoted(text.isEmpty() ? "(empty)" : text) + ids + ",\"meta\":";
        var meta = json(fields, new int[] {20_000}, new ArrayList<>());
        if (meta.length() > 400_000 || meta.split("\":").length > 900) // more than a log may have
            meta = "{\"fields\":" + quoted(text(meta, 60_000)) + "}";
        return entry + meta + "}";
    }

    /** JSON of what fields may hold, anything else as its text; `path` are the objects that it stands in. */
    private static String json(Object value, int[] room, List<Object> path) {
        room[0]--;
        if (value == null || value instanceof Boolean) return String.valueOf(value);
        try {
            if (value instanceof Number) {
                var number = value.toString();
                var isPlain = number.length() <= 300 && NUMBER.matcher(number).matches();
                return isPlain && Double.isFinite(Double.parseDouble(number)) ? number : quoted(number);
            }
            if (value instanceof Throwable error) return json(describe(error), room, path);
            var hasParts = value instanceof Map || value instanceof Collection || value.getClass().isArray();
            if (!hasParts) return quoted(value.toString());
            if (path.stream().anyMatch(each -> each == value)) return quoted("[circular]");
            if (room[0] < 0 || path.size() > 2 * DEPTH) return quoted("…");
            var inner = new ArrayList<>(path);
            inner.add(path.size() == DEPTH ? null : value);
            if (path.size() == DEPTH) return quoted(json(value, room, inner));
            if (value instanceof Map<?, ?> map) return map.entrySet().stream().limit(room[0])
                .map(each -> quoted(text(each.getKey(), 1_000)) + ":" + json(each.getValue(), room, inner))
                .collect(Collectors.joining(",", "{", "}"));
            var items = value instanceof Collection<?> all ? all.stream()
                : IntStream.range(0, Array.getLength(value)).mapToObj(i -> Array.get(value, i));
            return items.limit(room[0]).map(each -> json(each, room, inner)).collect(Collectors.joining(",", "[", "]"));
        } catch (RuntimeException | StackOverflowError problem) { // of a method of the value's
            return quoted("<" + value.getClass().getName() + ": " + problem.getClass().getName() + ">");
        }
    }

    /** An exception; its stack has those of its causes. */
    private static Map<String, Object> describe(Throwable error) {
        var stack = new StringWriter();
        error.printStackTrace(new PrintWriter(stack, true));
        var fields = new LinkedHashMap<String, Object>();
        fields.put("name", error.getClass().getName());
        fields.put("message", text(error.getMessage(), 60_000));
        fields.put("stack", text(stack, 60_000));
        if (error.getCause() != null) fields.put("cause", text(error.getCause(), 60_000));
        return fields;
    }

    private static String text(Object value, int most) {
        try {
            var text = String.valueOf(value);
            return text.substring(0, Math.min(text.length(), most));
        } catch (RuntimeException | StackOverflowError problem) {
            return "<" + value.getClass().getName() + ">";
        }
    }

    private static String quoted(String text) {
        var out = new StringBuilder("\"");
        for (char each : text.toCharArray())
            if (each == '"' || each == '\\') out.append('\\').append(each);
            else if (each < ' ' || Character.isSurrogate(each)) out.append(String.format("\\u%04x", (int) each));
            else out.append(each);
        return out.append('"').toString();
    }

    private static void complain(String problem) {
        System.err.println("PulseOps " + problem);
    }

    public static void main(String[] args) throws InterruptedException {
        try (var logs = new PulseOps()) {
            logs.info("Hello from Java", Map.of("user", "ada"));
        }
    }
}
