# Logs much and odd things, and then fails.
require_relative "pulseops"

class Broken
  def to_s
    raise "no text"
  end
end

log = PulseOps.new(url: ENV.fetch("URL"), key: "pol_test")
1200.times { |i| log.info("line", i: i) }
begin
  begin
    raise TypeError, "inner"
  rescue TypeError
    raise "outer"
  end
rescue => error
  log.error("failed", error, trace_id: "t1", request_id: 7)
end
log.info("odd", nan: Float::NAN, fine: 7, trace_id: nil, request_id: "")
deep = "LEAF"
50.times { deep = { deep: deep } }
circle = []
circle << circle
log.debug("deep", deep: deep, big: 10**500, circle: circle)
log.info("broken", broken: Broken.new, bytes: "\xff".b, fine: 7)
log.info("nothing", nil)
log.info("large", text: "x" * 3_000_000)
log.info("many", 2000.times.to_h { |i| ["field #{i}", i] })
log.warn("")
fork { log.info("child") } # a child sends its own logs, and not once more its parent's
fork { log.info("child") || exit!(0) }
Process.waitall
log.info("last")
raise "uncaught"
