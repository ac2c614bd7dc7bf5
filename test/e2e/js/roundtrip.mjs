// Creates a stream, puts and reads back exact contents, and reads a joined row, with the SDK's own defaults: the
// Kinesis client speaks HTTP/2 with prior knowledge to a plain http:// endpoint, the DynamoDB client HTTP/1.1.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import {
  CreateStreamCommand, DeleteStreamCommand, DescribeStreamSummaryCommand, GetRecordsCommand, GetShardIteratorCommand,
  KinesisClient, ListShardsCommand, PutRecordCommand, PutRecordsCommand, ResourceNotFoundException,
} from "@aws-sdk/client-kinesis";

const kinesis = new KinesisClient({});
const dynamodb = new DynamoDBClient({});
const stream = `js-${randomUUID()}`;

function bytes(number, size) {
  const block = createHash("sha256").update(String(number)).digest();
  return Buffer.alloc(size, block);
}

async function readAll() {
  const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName: stream }));
  const records = [];
  for (const shard of Shards) {
    let { ShardIterator: iterator } = await kinesis.send(new GetShardIteratorCommand({
      StreamName: stream, ShardId: shard.ShardId, ShardIteratorType: "TRIM_HORIZON" }));
    for (;;) {
      const answer = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
      records.push(...answer.Records);
      iterator = answer.NextShardIterator;
      if (!iterator || (answer.Records.length === 0 && answer.MillisBehindLatest === 0)) break;
    }
  }
  return records;
}

await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 2 }));
const summary = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: stream }));
assert.equal(summary.StreamDescriptionSummary.StreamStatus, "ACTIVE");

// Answers of more than 65,535 bytes: the client closes its session while they are still on their way.
const sent = new Map();
const records = Array.from({ length: 500 }, (_, number) => ({ Data: bytes(number, 1000 + number), PartitionKey: `k${number}` }));
const put = await kinesis.send(new PutRecordsCommand({ StreamName: stream, Records: records }));
assert.equal(put.FailedRecordCount, 0);
put.Records.forEach((outcome, index) => sent.set(`${outcome.ShardId} ${outcome.SequenceNumber}`, records[index]));

// Many requests at once, on as many streams of one connection as the client likes.
await Promise.all(Array.from({ length: 64 }, async (_, number) => {
  const record = { Data: bytes(`one ${number}`, 3000), PartitionKey: `one ${number}` };
  const outcome = await kinesis.send(new PutRecordCommand({ StreamName: stream, ...record }));
  sent.set(`${outcome.ShardId} ${outcome.SequenceNumber}`, record);
}));

const read = await readAll();
assert.equal(read.length, sent.size);
const bySequence = new Map([...sent].map(([key, record]) => [key.split(" ")[1], record]));
for (const record of read) {
  const wanted = bySequence.get(record.SequenceNumber);
  assert.equal(record.PartitionKey, wanted.PartitionKey);
  assert.ok(Buffer.from(record.Data).equals(wanted.Data));
}

await assert.rejects(kinesis.send(new DescribeStreamSummaryCommand({ StreamName: "nowhere" })), ResourceNotFoundException);

const event = { detection_id: randomUUID(), camera_id: "cam-00", item_name: "car", confidence: 0.5,
  event_time: "2024-05-01T08:00:00Z" };
await kinesis.send(new PutRecordCommand({ StreamName: "detections", PartitionKey: event.camera_id,
  Data: Buffer.from(JSON.stringify(event)) }));
const { Item } = await dynamodb.send(new GetItemCommand({ TableName: "detections",
  Key: { detection_id: { S: event.detection_id } } }));
assert.equal(Item.location_id.S, "loc-0");
assert.equal(Item.camera_name.S, "cam-00 v0");

await kinesis.send(new DeleteStreamCommand({ StreamName: stream }));
kinesis.destroy();
dynamodb.destroy();
console.log(`${read.length} records, all as put`);
