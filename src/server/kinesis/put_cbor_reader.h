// The CBOR that the Java clients really send for PutRecords, read without a document: about a tenth
// of its time, and data is not copied.
#pragma once

#include "server/kinesis/put_request.h"

namespace freshet::kinesis {

// Reads `builder`'s body into it and into `reference`. False for everything unusual: other members,
// strings in pieces, tags, whatever is wrong. Then the caller begins again with a document, which
// reads all of CBOR and says what is wrong.
bool read_usual_put_records(PutBatchBuilder& builder, StreamReference& reference);

}  // namespace freshet::kinesis
