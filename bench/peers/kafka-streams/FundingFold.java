import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * The fold of Landfall's funding_transfer as a Kafka Streams application: exactly_once_v2, a persistent (RocksDB) store
 * with its changelog, caching as the DSL has it. All events of a transfer share a message key, so the processor needs
 * no repartitioning. Ends when so many events were processed and committed, writes the rows to a file, one JSON object
 * a line, and prints what it took.
 *
 * Arguments: brokers, topic, application id, state folder, events, file for the rows.
 */
public final class FundingFold {
  private static final String STORE = "funding_transfer";
  private static final int THREADS = Runtime.getRuntime().availableProcessors();
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final AtomicLong processed = new AtomicLong();
  private static final AtomicLong firstNanos = new AtomicLong();
  private static final AtomicLong lastNanos = new AtomicLong();
  private static final CountDownLatch all = new CountDownLatch(1);
  private static volatile Throwable failure;

  public static void main(String[] args) throws Exception {
    var brokers = args[0];
    var topic = args[1];
    var application = args[2];
    var events = Long.parseLong(args[4]);

    var settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
    settings.put("auto.offset.reset", "earliest");

    var builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), json())
            .withCachingEnabled());
    builder.stream(topic, Consumed.with(Serdes.String(), json())).process(() -> new Fold(events), STORE);

    try (var streams = new KafkaStreams(builder.build(), settings);
        var admin = Admin.create(settings)) {
      streams.setUncaughtExceptionHandler(
          error -> {
            failure = error;
            all.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
          });
      streams.start();
      all.await();
      if (failure != null) throw new IllegalStateException("the streams application failed", failure);
      while (committed(admin, application, topic) < events) Thread.sleep(10);
      var committedNanos = System.nanoTime();
      write(streams, Path.of(args[5]));
      System.out.printf(
          "{\"processed_ms\":%d,\"committed_ms\":%d}%n",
          (lastNanos.get() - firstNanos.get()) / 1_000_000, (committedNanos - firstNanos.get()) / 1_000_000);
      streams.close(Duration.ofSeconds(10));
    }
  }

  /** How many messages of the topic the application has committed. Its transaction markers are in other topics. */
  private static long committed(Admin admin, String application, String topic) throws Exception {
    return admin.listConsumerGroupOffsets(application).partitionsToOffsetAndMetadata().get().entrySet().stream()
        .filter(entry -> entry.getKey().topic().equals(topic) && entry.getValue() != null)
        .map(entry -> entry.getValue())
        .mapToLong(OffsetAndMetadata::offset)
        .sum();
  }

  private static void write(KafkaStreams streams, Path file) throws IOException {
    var store = streams.store(StoreQueryParameters.fromNameAndType(STORE, QueryableStoreTypes.<String, ObjectNode>keyValueStore()));
    try (BufferedWriter out = Files.newBufferedWriter(file);
        var rows = store.all()) {
      while (rows.hasNext()) {
        out.write(JSON.writeValueAsString(rows.next().value));
        out.write('\n');
      }
    }
  }

  /** The latest observation of each transfer; the first hash and first sight are kept. */
  private static final class Fold implements Processor<String, ObjectNode, Void, Void> {
    private final long events;
    private KeyValueStore<String, ObjectNode> rows;

    Fold(long events) {
      this.events = events;
    }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      rows = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, ObjectNode> message) {
      firstNanos.compareAndSet(0, System.nanoTime());
      var seen = message.value();
      var key = seen.get("transfer_id").textValue();
      var row = rows.get(key);
      if (row == null) {
        seen.put("observations", 1);
        rows.put(key, seen);
      } else if (seen.get("revision").intValue() > row.get("revision").intValue()) {
        if (!row.get("tx_hash").isNull()) seen.set("tx_hash", row.get("tx_hash"));
        seen.set("first_seen_at", row.get("first_seen_at"));
        seen.put("observations", row.get("observations").intValue() + 1);
        rows.put(key, seen);
      }
      if (processed.incrementAndGet() == events) {
        lastNanos.set(System.nanoTime());
        all.countDown();
      }
    }
  }

  private static Serde<ObjectNode> json() {
    Serializer<ObjectNode> serializer =
        (topic, value) -> {
          try {
            return value == null ? null : JSON.writeValueAsBytes(value);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        };
    Deserializer<ObjectNode> deserializer =
        (topic, bytes) -> {
          try {
            return bytes == null ? null : (ObjectNode) JSON.readTree(bytes);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        };
    return Serdes.serdeFrom(serializer, deserializer);
  }
}
