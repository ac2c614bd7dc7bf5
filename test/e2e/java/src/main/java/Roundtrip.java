// The AWS SDK for Java v2 with its own defaults: the synchronous client speaks HTTP/1.1, the asynchronous one HTTP/2
// with prior knowledge to a plain http:// endpoint, both in CBOR. Each creates a stream, puts, reads back exact
// contents; then a joined row is read from DynamoDB.
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;

public final class Roundtrip {
  private static byte[] content(int number, int size) throws Exception {
    byte[] block = MessageDigest.getInstance("SHA-256").digest(String.valueOf(number).getBytes(StandardCharsets.UTF_8));
    byte[] made = new byte[size];
    for (int i = 0; i < size; i++) {
      made[i] = block[i % block.length];
    }
    return made;
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }

  private static List<PutRecordsRequestEntry> entries() throws Exception {
    List<PutRecordsRequestEntry> made = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      made.add(PutRecordsRequestEntry.builder().data(SdkBytes.fromByteArray(content(i, 500 + i)))
          .partitionKey("key " + i).build());
    }
    return made;
  }

  private static void compare(List<PutRecordsRequestEntry> sent, PutRecordsResponse put, List<Record> read) {
    check(put.failedRecordCount() == 0, "records failed");
    Map<String, PutRecordsRequestEntry> bySequence = new HashMap<>();
    for (int i = 0; i < sent.size(); i++) {
      bySequence.put(put.records().get(i).sequenceNumber(), sent.get(i));
    }
    check(read.size() == sent.size(), "put " + sent.size() + " records, read " + read.size());
    for (Record record : read) {
      PutRecordsRequestEntry wanted = bySequence.get(record.sequenceNumber());
      check(wanted != null && wanted.data().equals(record.data()) && wanted.partitionKey().equals(record.partitionKey()),
          record.sequenceNumber() + " is not what was put");
      // Times in the old CBOR are milliseconds: a mistake there shows as a year far away.
      check(Math.abs(record.approximateArrivalTimestamp().getEpochSecond() - Instant.now().getEpochSecond()) < 3600,
          "the arrival time is " + record.approximateArrivalTimestamp());
    }
  }

  private static void synchronous(String stream) throws Exception {
    try (KinesisClient kinesis = KinesisClient.create()) {
      kinesis.createStream(request -> request.streamName(stream).shardCount(2));
      check(kinesis.describeStreamSummary(request -> request.streamName(stream)).streamDescriptionSummary()
          .streamStatus() == StreamStatus.ACTIVE, "the stream is not active");
      List<PutRecordsRequestEntry> sent = entries();
      PutRecordsResponse put = kinesis.putRecords(request -> request.streamName(stream).records(sent));
      List<Record> read = new ArrayList<>();
      for (Shard shard : kinesis.listShards(request -> request.streamName(stream)).shards()) {
        String iterator = kinesis.getShardIterator(request -> request.streamName(stream).shardId(shard.shardId())
            .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).shardIterator();
        while (iterator != null) {
          String from = iterator;
          GetRecordsResponse answer = kinesis.getRecords(request -> request.shardIterator(from));
          read.addAll(answer.records());
          iterator = answer.records().isEmpty() && answer.millisBehindLatest() == 0 ? null : answer.nextShardIterator();
        }
      }
      compare(sent, put, read);
      try {
        kinesis.describeStreamSummary(request -> request.streamName("nowhere"));
        check(false, "a stream that is not there was described");
      } catch (ResourceNotFoundException expected) {
        check(expected.getMessage().contains("nowhere"), "the error does not name the stream");
      }
      kinesis.deleteStream(request -> request.streamName(stream));
    }
    System.out.println("Java SDK v2, synchronous: all as put");
  }

  private static void asynchronous(String stream) throws Exception {
    try (KinesisAsyncClient kinesis = KinesisAsyncClient.create()) {
      kinesis.createStream(request -> request.streamName(stream).shardCount(2)).join();
      List<PutRecordsRequestEntry> sent = entries();
      PutRecordsResponse put = kinesis.putRecords(request -> request.streamName(stream).records(sent)).join();
      List<Record> read = new ArrayList<>();
      for (Shard shard : kinesis.listShards(request -> request.streamName(stream)).join().shards()) {
        String iterator = kinesis.getShardIterator(request -> request.streamName(stream).shardId(shard.shardId())
            .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).join().shardIterator();
        while (iterator != null) {
          String from = iterator;
          GetRecordsResponse answer = kinesis.getRecords(request -> request.shardIterator(from)).join();
          read.addAll(answer.records());
          iterator = answer.records().isEmpty() && answer.millisBehindLatest() == 0 ? null : answer.nextShardIterator();
        }
      }
      compare(sent, put, read);
      // Many requests at once over one HTTP/2 connection.
      List<CompletableFuture<?>> many = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        byte[] data = content(i, 2000);
        many.add(kinesis.putRecord(request -> request.streamName(stream).partitionKey("k")
            .data(SdkBytes.fromByteArray(data))));
      }
      CompletableFuture.allOf(many.toArray(new CompletableFuture<?>[0])).join();
      try {
        kinesis.describeStreamSummary(request -> request.streamName("nowhere")).join();
        check(false, "a stream that is not there was described");
      } catch (CompletionException expected) {
        check(expected.getCause() instanceof ResourceNotFoundException, "the error is " + expected.getCause());
      }
      kinesis.deleteStream(request -> request.streamName(stream)).join();
    }
    System.out.println("Java SDK v2, asynchronous: all as put");
  }

  private static void joinedRow() {
    String id = UUID.randomUUID().toString();
    String event = "{\"detection_id\":\"" + id + "\",\"camera_id\":\"cam-00\",\"item_name\":\"car\","
        + "\"event_time\":\"2024-05-01T08:00:00Z\"}";
    try (KinesisClient kinesis = KinesisClient.create(); DynamoDbClient dynamodb = DynamoDbClient.create()) {
      kinesis.putRecord(request -> request.streamName("detections").partitionKey("cam-00")
          .data(SdkBytes.fromUtf8String(event)));
      Map<String, AttributeValue> row = dynamodb.getItem(request -> request.tableName("detections")
          .key(Map.of("detection_id", AttributeValue.fromS(id)))).item();
      check("loc-0".equals(row.get("location_id").s()), "the joined row is " + row);
    }
    System.out.println("Java SDK v2, DynamoDB: the joined row is there");
  }

  public static void main(String[] arguments) throws Exception {
    synchronous("java-" + UUID.randomUUID());
    asynchronous("java-" + UUID.randomUUID());
    joinedRow();
  }
}
