# Sends logs to PulseOps from Ruby 3.0 or newer, without gems. Save it as pulseops.rb and try it: ruby pulseops.rb
# In your program: require_relative "pulseops"; LOGS = PulseOps.new; LOGS.warn("Card refused", user: 7)
# Exceptions too: rescue => error; LOGS.error("Failed", error)
require "json"
require "net/http"
require "openssl"
require "securerandom"
require "set"

# Queues logs and posts them in batches from a thread, so that the program never waits for the network.
# A batch is gathered for `interval` seconds, and sent again until it is taken, as long as the queue has room.
# The end of the program waits for its last logs, at most `patience` seconds.
class PulseOps
  INGEST_URL = "https://pulseops.example/api/v1/logs/ingest"
  API_KEY = "pol_YOUR_KEY"
  DEPTH = 28 # of a field; what is nested deeper becomes text

  def initialize(url: INGEST_URL, key: API_KEY, capacity: 10_000, batch: 500, interval: 1, patience: 70)
    @url, @key, @capacity, @batch, @interval, @patience = URI(url), key, capacity, batch, interval, patience
    start
    at_exit { flush }
    flush_before_exit!
  end

  # `details` are hashes of fields, and exceptions.
  %w[debug info warn error].each do |level|
    define_method(level) { |message, *details, **fields| add(level, message, [*details, fields]) }
  end

  # Sends at once what waits, at most `timeout` seconds long; the end of the program does so by itself.
  def flush(timeout = @patience)
    return if @pid != Process.pid
    @lock.synchronize do
      goal = @done + @sending + @queue.size
      @flushing += 1
      @changed.broadcast
      wait(timeout) { @done >= goal }
      @flushing -= 1
      complain("did not take all logs within #{timeout} s") if @done < goal
    end
  end

  private

  def start
    @pid, @queue, @lock, @changed = Process.pid, Queue.new, Mutex.new, ConditionVariable.new
    @done = @sending = @dropped = @flushing = 0
    Thread.new { loop { run } }
  end

  # Many a forked child ends by exit!, which runs no at_exit.
  def flush_before_exit!
    sender = self
    ends = Module.new { define_method(:exit!) { |*status| sender.flush && nil || super(*status) } }
    [Process, Kernel].each { |owner| owner.singleton_class.prepend(ends) }
    Object.prepend(ends.dup.tap { |copy| copy.send(:private, :exit!) })
  end

  def add(level, message, details)
    start if @pid != Process.pid # a forked child has neither the thread nor what it was to send
    return @dropped += 1 if @queue.size >= @capacity
    details = [message, *details] if message.is_a?(Exception)
    now = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
    string = text(message)[0, 60_000]
    @queue << encoded({ timestamp: now, level: level, message: string.empty? ? "(empty)" : string }, details)
  end

  def encoded(entry, details)
    meta, room = {}, [20_000] # values in a log
    details.each do |detail|
      value = plain(detail, room)
      case detail
      when Exception then meta[meta.key?("error") ? "error_2" : "error"] = value
      when Hash then meta.update(value)
      when nil then next
      else meta["details"] = value
      end
    end
    %w[trace_id request_id].each do |name|
      id = text(meta.delete(name))[0, 200]
      entry[name] = id unless id.empty?
    end
    line = JSON.generate({ **entry, meta: meta })
    return line if line.bytesize < 500_000 && line.scan('":').size < 900 # as much as a log may have
    JSON.generate({ **entry, meta: { fields: JSON.generate(meta)[0, 60_000] } })
  end

  def run
    @lock.synchronize { wait(@interval) { @flushing > 0 && !@queue.empty? } }
    until @queue.empty?
      lines = @lock.synchronize { take.tap { |taken| @sending = taken.size } }
      problem = post(lines)
      complain("did not take #{lines.size} logs: #{problem}") if problem
      @lock.synchronize do
        @done, @sending = @done + lines.size, 0
        @changed.broadcast
      end
    end
    dropped, @dropped = @dropped, 0
    complain("#{dropped} logs were dropped, the queue was full") if dropped > 0
  end

  def take
    lines, size = [], 0
    until @queue.empty? || lines.size >= @batch || size > 1_000_000
      lines << @queue.pop
      size += lines.last.bytesize
    end
    lines
  end

  # Returns nothing once the batch is taken, or why it was not.
  def post(lines)
    headers = {
      "x-api-key" => @key,
      "content-type" => "application/json",
      "prefer" => "handling=lenient", # one bad entry must not cost the others
      "idempotency-key" => SecureRandom.uuid, # a batch that is sent again is stored once
    }
    body = %({"logs":[#{lines.join(",")}]})
    1.step do |attempt|
      problem, is_final, asked = attempt(body, headers)
      return problem if problem.nil? || is_final || (attempt > 5 && @queue.size >= @capacity)
      complain("cannot be reached, logs wait: #{problem}") if attempt == 5
      pause(asked, [2**(attempt - 1), 10].min)
    end
  end

  # Returns the problem, if any, whether it is final, and the seconds that the server asks to wait.
  def attempt(body, headers)
    options = { use_ssl: @url.scheme == "https", open_timeout: 10, read_timeout: 10, write_timeout: 10, max_retries: 0 }
    answer = Net::HTTP.start(@url.host, @url.port, **options) { |http| http.post(@url.request_uri, body, headers) }
    if answer.is_a?(Net::HTTPSuccess)
      is_partial = answer.body.to_s.match?(/"rejected":\s*[1-9]/)
      complain("did not take all of a batch: #{answer.body[0, 3_000]}") if is_partial
      return
    end
    is_final = answer.code.to_i < 500 && !%w[408 429].include?(answer.code)
    asked = [answer["retry-after"].to_i, 60].min if answer["retry-after"].to_s.match?(/\A\d+\z/)
    ["#{answer.code} #{answer.body.to_s[0, 300]}", is_final, asked]
  rescue StandardError => error
    [error.message, false, nil]
  end

  # Waits as long as the server asked, or else `seconds`, which a flush cuts short.
  def pause(asked, seconds)
    @lock.synchronize { wait(asked || seconds) { !asked && @flushing > 0 } }
    sleep(0.5) if !asked && @flushing > 0
  end

  # Waits under the lock until the block holds, at most `seconds`.
  def wait(seconds)
    ends = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    until yield
      left = ends - Process.clock_gettime(Process::CLOCK_MONOTONIC)
      return if left <= 0
      @changed.wait(@lock, left)
    end
  end

  # Returns a value as JSON has it, and as text what JSON has not; `path` are the objects that it stands in.
  def plain(value, room, path = [])
    room[0] -= 1
    case value
    when nil, true, false then value
    when Integer then value.abs < 10**300 ? value : value.to_s
    when Float then value.finite? ? value : value.to_s
    when Exception, Hash, Array, Set then container(value, room, path)
    else text(value)
    end
  end

  def container(value, room, path)
    return "[circular]" if path.any? { |each| each.equal?(value) }
    return "…" if room[0] < 0 || path.size > 2 * DEPTH
    return JSON.generate([plain(value, room, [*path, nil])])[1..-2] if path.size == DEPTH
    inner = [*path, value]
    case value
    when Array, Set then value.first(room[0]).map { |each| plain(each, room, inner) }
    when Hash then value.first(room[0]).to_h { |name, each| [text(name), plain(each, room, inner)] }
    else
      fields = { "name" => value.class.name, "message" => text(value), "stack" => value.backtrace&.join("\n") }
      fields["cause"] = value.cause if value.cause
      plain(fields, room, inner)
    end
  end

  def text(value)
    string = value.to_s
    string = string.b.force_encoding("UTF-8") if [Encoding::BINARY, Encoding::UTF_8].include?(string.encoding)
    string.encode("UTF-8", invalid: :replace, undef: :replace).scrub
  rescue StandardError, SystemStackError
    "<unreadable>"
  end

  def complain(problem)
    $stderr.puts("PulseOps #{problem}")
  end
end

PulseOps.new.info("Hello from Ruby", user: "ada") if $PROGRAM_NAME == __FILE__
