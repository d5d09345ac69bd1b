# Sends logs to PulseOps from Ruby 3.0 or newer, without gems. Save it as pulseops.rb and try it: ruby pulseops.rb
# In your program: require_relative "pulseops"; LOGS = PulseOps.new; LOGS.warn("Card refused", user: 7)
require "json"
require "net/http"
require "openssl"
require "securerandom"

# Queues logs and posts them in batches from a thread, so that the program never waits for the network.
class PulseOps
  INGEST_URL = "https://pulseops.example/api/v1/logs/ingest"
  API_KEY = "pol_YOUR_KEY"

  def initialize(url: INGEST_URL, key: API_KEY, capacity: 10_000, batch: 500)
    @url, @key, @capacity, @batch = URI(url), key, capacity, batch
    start
    at_exit { flush }
  end

  %w[debug info warn error].each do |level|
    define_method(level) { |message, **fields| add(level, message, fields) }
  end

  # Waits until all is sent; the end of the program does so by itself.
  def flush
    return if @pid != Process.pid
    @sending.synchronize do
      until @queue.empty?
        lines = take
        problem = post(lines)
        Kernel.warn("PulseOps did not take #{lines.size} logs: #{problem}") if problem
      end
      Kernel.warn("PulseOps: #{@dropped} logs were dropped, the queue was full") if @dropped > 0
      @dropped = 0
    end
  end

  private

  def start
    @pid, @queue, @sending, @dropped = Process.pid, Queue.new, Mutex.new, 0
    Thread.new { loop { sleep(1) && flush } }
  end

  def add(level, message, fields)
    start if @pid != Process.pid # a forked child has neither the thread nor what it was to send
    return @dropped += 1 if @queue.size >= @capacity
    now = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
    ids = fields.slice(:trace_id, :request_id).compact.transform_values(&:to_s)
    meta = fields.except(:trace_id, :request_id).transform_values { |value| plain(value) }
    text = message.to_s.scrub[0, 60_000]
    entry = { timestamp: now, level: level, message: text.empty? ? "(empty)" : text, meta: meta, **ids }
    @queue << begin
      JSON.generate(entry)
    rescue JSON::JSONError, EncodingError # not a number, a circle, or bytes that are no text
      JSON.generate({ **entry, meta: { fields: meta.inspect.scrub } })
    end
  end

  def take
    lines, size = [], 0
    until @queue.empty? || lines.size >= @batch || size > 1_000_000
      lines << @queue.pop
      size += lines.last.bytesize
    end
    lines
  end

  def plain(value)
    value.is_a?(Exception) ? { name: value.class.name, message: value.message, stack: value.backtrace } : value
  end

  # Returns nothing, or why it was not taken.
  def post(lines)
    headers = {
      "x-api-key" => @key,
      "content-type" => "application/json",
      "prefer" => "handling=lenient", # one bad entry must not cost the others
      "idempotency-key" => SecureRandom.uuid, # a batch that is sent again is stored once
    }
    body = %({"logs":[#{lines.join(",")}]})
    problem = nil
    6.times do |attempt|
      wait = 2**attempt
      begin
        options = { use_ssl: @url.scheme == "https", open_timeout: 10, read_timeout: 10, max_retries: 0 }
        answer = Net::HTTP.start(@url.host, @url.port, **options) { |http| http.post(@url.path, body, headers) }
        return if answer.is_a?(Net::HTTPSuccess)
        problem = "#{answer.code} #{answer.body.to_s[0, 300]}"
        break unless answer.code.to_i >= 500 || %w[408 429].include?(answer.code)
        wait = [answer["retry-after"].to_i, 60].min if answer["retry-after"].to_s.match?(/\A\d+\z/)
      rescue SystemCallError, IOError, SocketError, Timeout::Error, OpenSSL::SSL::SSLError, Net::ProtocolError => error
        problem = error.message
      end
      sleep(wait)
    end
    problem
  end
end

PulseOps.new.info("Hello from Ruby", user: "ada") if $PROGRAM_NAME == __FILE__
