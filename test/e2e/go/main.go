// The AWS SDK for Go v2 with its own defaults: creates a stream, puts, reads back exact contents, reads a joined row.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func content(number, size int) []byte {
	block := sha256.Sum256([]byte(fmt.Sprint(number)))
	return bytes.Repeat(block[:], size/len(block)+1)[:size]
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func readAll(ctx context.Context, client *kinesis.Client, stream string) []types.Record {
	shards, err := client.ListShards(ctx, &kinesis.ListShardsInput{StreamName: &stream})
	must(err)
	var records []types.Record
	for _, shard := range shards.Shards {
		first, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &stream,
			ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
		must(err)
		for iterator := first.ShardIterator; iterator != nil; {
			answer, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator})
			must(err)
			records = append(records, answer.Records...)
			iterator = answer.NextShardIterator
			if len(answer.Records) == 0 && *answer.MillisBehindLatest == 0 {
				break
			}
		}
	}
	return records
}

func main() {
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	must(err)
	client := kinesis.NewFromConfig(settings)
	stream := fmt.Sprintf("go-%d", time.Now().UnixNano())
	_, err = client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &stream, ShardCount: aws.Int32(2)})
	must(err)
	must(kinesis.NewStreamExistsWaiter(client).Wait(ctx, &kinesis.DescribeStreamInput{StreamName: &stream}, time.Minute))

	entries := make([]types.PutRecordsRequestEntry, 500)
	for i := range entries {
		entries[i] = types.PutRecordsRequestEntry{Data: content(i, 500+i), PartitionKey: aws.String(fmt.Sprint("key ", i))}
	}
	put, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &stream, Records: entries})
	must(err)
	if *put.FailedRecordCount != 0 {
		log.Fatalf("%d records failed", *put.FailedRecordCount)
	}
	sent := map[string]types.PutRecordsRequestEntry{}
	for i, outcome := range put.Records {
		sent[*outcome.SequenceNumber] = entries[i]
	}
	read := readAll(ctx, client, stream)
	if len(read) != len(sent) {
		log.Fatalf("put %d records, read %d", len(sent), len(read))
	}
	for _, record := range read {
		wanted, found := sent[*record.SequenceNumber]
		if !found || !bytes.Equal(record.Data, wanted.Data) || *record.PartitionKey != *wanted.PartitionKey {
			log.Fatalf("%s is not what was put", *record.SequenceNumber)
		}
	}

	_, err = client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("nowhere")})
	var notFound *types.ResourceNotFoundException
	if !errors.As(err, &notFound) {
		log.Fatalf("expected ResourceNotFoundException, got %v", err)
	}

	id := fmt.Sprintf("%08x-0000-4000-8000-000000000001", time.Now().Unix())
	event, err := json.Marshal(map[string]any{"detection_id": id, "camera_id": "cam-00", "item_name": "car",
		"event_time": "2024-05-01T08:00:00Z"})
	must(err)
	_, err = client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("detections"), Data: event,
		PartitionKey: aws.String("cam-00")})
	must(err)
	row, err := dynamodb.NewFromConfig(settings).GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("detections"),
		Key: map[string]dynamodbtypes.AttributeValue{"detection_id": &dynamodbtypes.AttributeValueMemberS{Value: id}}})
	must(err)
	place, isText := row.Item["location_id"].(*dynamodbtypes.AttributeValueMemberS)
	if !isText || place.Value != "loc-0" {
		log.Fatalf("the joined row is %v", row.Item)
	}
	_, err = client.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: &stream})
	must(err)
	fmt.Printf("Go SDK v2: %d records, all as put\n", len(read))
}
