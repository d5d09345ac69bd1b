import java.math.BigInteger;
import java.util.*;

/** Logs much and odd things, and then fails. */
public class Everything {
    static class Broken {
        @Override public String toString() { throw new IllegalStateException("no text"); }
    }

    public static void main(String[] args) throws Exception {
        var other = new PulseOps(System.getenv("URL"), "pol_test");
        other.close();
        other.close();
        other.info("late");

        var logs = new PulseOps(System.getenv("URL"), "pol_test");
        for (int i = 0; i < 1200; i++) logs.info("line", Map.of("i", i));
        var failure = new RuntimeException("outer", new IllegalArgumentException("inner"));
        logs.error("failed", failure, Map.of("trace_id", "t1", "request_id", 7));
        var odd = new HashMap<String, Object>(Map.of("nan", Double.NaN, "fine", 7, "request_id", ""));
        odd.put("trace_id", null);
        logs.info("odd", odd);
        Object deep = "LEAF";
        for (int i = 0; i < 50; i++) deep = Map.of("deep", deep);
        var circle = new ArrayList<Object>();
        circle.add(circle);
        logs.debug("deep", Map.of("deep", deep, "big", BigInteger.TEN.pow(500), "circle", circle));
        logs.info("broken", Map.of("broken", new Broken(), "quote", "\"\\\n\ud800", "fine", 7));
        logs.info("nothing", (Object) null);
        logs.info("large", Map.of("text", "x".repeat(3_000_000)));
        var many = new HashMap<String, Object>();
        for (int i = 0; i < 2000; i++) many.put("field " + i, i);
        logs.info("many", many);
        logs.warn("");
        logs.info("last");
        throw new IllegalStateException("uncaught");
    }
}
