//! The fields of every request served, version by version, as Kafka's message definitions have them.

use kafka_protocol::messages::ApiKey;

/// How one field is written.
pub(crate) enum Kind {
    /// So many bytes.
    Fixed(usize),
    /// A string, which may be null.
    Text,
    /// Bytes, which may be null.
    Blob,
    /// An array of plain values, which may be null.
    Items(&'static Kind),
    /// An array of structures, which may be null.
    List(&'static [Field]),
}

use Kind::{Blob, Fixed, Items, List, Text};

/// A field, with the first and last version that have it.
pub(crate) struct Field(pub i16, pub i16, pub Kind);

const LAST: i16 = i16::MAX;
/// For requests without a flexible version (compact lengths, tagged fields).
const NEVER: i16 = i16::MAX;
/// The first flexible version of a request, and its fields in order.
pub(crate) fn shape(key: ApiKey) -> Option<(i16, &'static [Field])> {
    let shape: (i16, &'static [Field]) = match key {
        ApiKey::Produce => (
            9,
            &[
                Field(0, LAST, Text),
                Field(0, LAST, Fixed(2)),
                Field(0, LAST, Fixed(4)),
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, 12, Text),
                        Field(13, LAST, Fixed(16)),
                        Field(0, LAST, List(&[Field(0, LAST, Fixed(4)), Field(0, LAST, Blob)])),
                    ]),
                ),
            ],
        ),
        ApiKey::Fetch => (
            12,
            &[
                Field(0, 14, Fixed(4)),
                Field(0, LAST, Fixed(4)),
                Field(0, LAST, Fixed(4)),
                Field(0, LAST, Fixed(4)),
                Field(0, LAST, Fixed(1)),
                Field(7, LAST, Fixed(4)),
                Field(7, LAST, Fixed(4)),
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, 12, Text),
                        Field(13, LAST, Fixed(16)),
                        Field(
                            0,
                            LAST,
                            List(&[
                                Field(0, LAST, Fixed(4)),
                                Field(9, LAST, Fixed(4)),
                                Field(0, LAST, Fixed(8)),
                                Field(12, LAST, Fixed(4)),
                                Field(5, LAST, Fixed(8)),
                                Field(0, LAST, Fixed(4)),
                            ]),
                        ),
                    ]),
                ),
                Field(
                    7,
                    LAST,
                    List(&[Field(7, 12, Text), Field(13, LAST, Fixed(16)), Field(7, LAST, Items(&Fixed(4)))]),
                ),
                Field(11, LAST, Text),
            ],
        ),
        ApiKey::ListOffsets => (
            6,
            &[
                Field(0, LAST, Fixed(4)),
                Field(2, LAST, Fixed(1)),
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Text),
                        Field(
                            0,
                            LAST,
                            List(&[Field(0, LAST, Fixed(4)), Field(4, LAST, Fixed(4)), Field(0, LAST, Fixed(8))]),
                        ),
                    ]),
                ),
                Field(10, LAST, Fixed(4)),
            ],
        ),
        ApiKey::Metadata => (
            9,
            &[
                Field(0, LAST, List(&[Field(10, LAST, Fixed(16)), Field(0, LAST, Text)])),
                Field(4, LAST, Fixed(1)),
                Field(8, 10, Fixed(1)),
                Field(8, LAST, Fixed(1)),
            ],
        ),
        ApiKey::OffsetCommit => (
            8,
            &[
                Field(0, LAST, Text),
                Field(0, LAST, Fixed(4)),
                Field(0, LAST, Text),
                Field(7, LAST, Text),
                Field(0, 4, Fixed(8)),
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Text),
                        Field(
                            0,
                            LAST,
                            List(&[
                                Field(0, LAST, Fixed(4)),
                                Field(0, LAST, Fixed(8)),
                                Field(6, LAST, Fixed(4)),
                                Field(0, LAST, Text),
                            ]),
                        ),
                    ]),
                ),
            ],
        ),
        ApiKey::OffsetFetch => (
            6,
            &[
                Field(0, 7, Text),
                Field(0, 7, List(&[Field(0, 7, Text), Field(0, 7, Items(&Fixed(4)))])),
                Field(
                    8,
                    LAST,
                    List(&[
                        Field(8, LAST, Text),
                        Field(9, LAST, Text),
                        Field(9, LAST, Fixed(4)),
                        Field(8, LAST, List(&[Field(8, LAST, Text), Field(8, LAST, Items(&Fixed(4)))])),
                    ]),
                ),
                Field(7, LAST, Fixed(1)),
            ],
        ),
        ApiKey::FindCoordinator => (3, &[Field(0, 3, Text), Field(1, LAST, Fixed(1)), Field(4, LAST, Items(&Text))]),
        ApiKey::JoinGroup => (
            6,
            &[
                Field(0, LAST, Text),
                Field(0, LAST, Fixed(4)),
                Field(1, LAST, Fixed(4)),
                Field(0, LAST, Text),
                Field(5, LAST, Text),
                Field(0, LAST, Text),
                Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Blob)])),
                Field(8, LAST, Text),
            ],
        ),
        ApiKey::Heartbeat => {
            (4, &[Field(0, LAST, Text), Field(0, LAST, Fixed(4)), Field(0, LAST, Text), Field(3, LAST, Text)])
        }
        ApiKey::LeaveGroup => (
            4,
            &[
                Field(0, LAST, Text),
                Field(0, 2, Text),
                Field(3, LAST, List(&[Field(3, LAST, Text), Field(3, LAST, Text), Field(5, LAST, Text)])),
            ],
        ),
        ApiKey::SyncGroup => (
            4,
            &[
                Field(0, LAST, Text),
                Field(0, LAST, Fixed(4)),
                Field(0, LAST, Text),
                Field(3, LAST, Text),
                Field(5, LAST, Text),
                Field(5, LAST, Text),
                Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Blob)])),
            ],
        ),
        ApiKey::DescribeGroups => (5, &[Field(0, LAST, Items(&Text)), Field(3, LAST, Fixed(1))]),
        ApiKey::ListGroups => (3, &[Field(4, LAST, Items(&Text)), Field(5, LAST, Items(&Text))]),
        ApiKey::ApiVersions => (3, &[Field(3, LAST, Text), Field(3, LAST, Text)]),
        ApiKey::CreateTopics => (
            5,
            &[
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Text),
                        Field(0, LAST, Fixed(4)),
                        Field(0, LAST, Fixed(2)),
                        Field(0, LAST, List(&[Field(0, LAST, Fixed(4)), Field(0, LAST, Items(&Fixed(4)))])),
                        Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Text)])),
                    ]),
                ),
                Field(0, LAST, Fixed(4)),
                Field(0, LAST, Fixed(1)),
            ],
        ),
        ApiKey::DeleteTopics => (
            4,
            &[
                Field(6, LAST, List(&[Field(6, LAST, Text), Field(6, LAST, Fixed(16))])),
                Field(0, 5, Items(&Text)),
                Field(0, LAST, Fixed(4)),
            ],
        ),
        ApiKey::DeleteRecords => (
            2,
            &[
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Text),
                        Field(0, LAST, List(&[Field(0, LAST, Fixed(4)), Field(0, LAST, Fixed(8))])),
                    ]),
                ),
                Field(0, LAST, Fixed(4)),
            ],
        ),
        ApiKey::InitProducerId => {
            (2, &[Field(0, LAST, Text), Field(0, LAST, Fixed(4)), Field(3, LAST, Fixed(8)), Field(3, LAST, Fixed(2))])
        }
        ApiKey::OffsetForLeaderEpoch => (
            4,
            &[
                Field(3, LAST, Fixed(4)),
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Text),
                        Field(
                            0,
                            LAST,
                            List(&[Field(0, LAST, Fixed(4)), Field(0, LAST, Fixed(4)), Field(0, LAST, Fixed(4))]),
                        ),
                    ]),
                ),
            ],
        ),
        ApiKey::AddPartitionsToTxn => (
            3,
            &[
                Field(
                    4,
                    LAST,
                    List(&[
                        Field(4, LAST, Text),
                        Field(4, LAST, Fixed(8)),
                        Field(4, LAST, Fixed(2)),
                        Field(4, LAST, Fixed(1)),
                        Field(4, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Items(&Fixed(4)))])),
                    ]),
                ),
                Field(0, 3, Text),
                Field(0, 3, Fixed(8)),
                Field(0, 3, Fixed(2)),
                Field(0, 3, List(&[Field(0, LAST, Text), Field(0, LAST, Items(&Fixed(4)))])),
            ],
        ),
        ApiKey::AddOffsetsToTxn => {
            (3, &[Field(0, LAST, Text), Field(0, LAST, Fixed(8)), Field(0, LAST, Fixed(2)), Field(0, LAST, Text)])
        }
        ApiKey::EndTxn => {
            (3, &[Field(0, LAST, Text), Field(0, LAST, Fixed(8)), Field(0, LAST, Fixed(2)), Field(0, LAST, Fixed(1))])
        }
        ApiKey::TxnOffsetCommit => (
            3,
            &[
                Field(0, LAST, Text),
                Field(0, LAST, Text),
                Field(0, LAST, Fixed(8)),
                Field(0, LAST, Fixed(2)),
                Field(3, LAST, Fixed(4)),
                Field(3, LAST, Text),
                Field(3, LAST, Text),
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Text),
                        Field(
                            0,
                            LAST,
                            List(&[
                                Field(0, LAST, Fixed(4)),
                                Field(0, LAST, Fixed(8)),
                                Field(2, LAST, Fixed(4)),
                                Field(0, LAST, Text),
                            ]),
                        ),
                    ]),
                ),
            ],
        ),
        ApiKey::DescribeConfigs => (
            4,
            &[
                Field(0, LAST, List(&[Field(0, LAST, Fixed(1)), Field(0, LAST, Text), Field(0, LAST, Items(&Text))])),
                Field(0, LAST, Fixed(1)),
                Field(3, LAST, Fixed(1)),
            ],
        ),
        ApiKey::AlterConfigs => (
            2,
            &[
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Fixed(1)),
                        Field(0, LAST, Text),
                        Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Text)])),
                    ]),
                ),
                Field(0, LAST, Fixed(1)),
            ],
        ),
        ApiKey::DescribeLogDirs => {
            (2, &[Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Items(&Fixed(4)))]))])
        }
        ApiKey::CreatePartitions => (
            2,
            &[
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Text),
                        Field(0, LAST, Fixed(4)),
                        Field(0, LAST, List(&[Field(0, LAST, Items(&Fixed(4)))])),
                    ]),
                ),
                Field(0, LAST, Fixed(4)),
                Field(0, LAST, Fixed(1)),
            ],
        ),
        ApiKey::DeleteGroups => (2, &[Field(0, LAST, Items(&Text))]),
        ApiKey::IncrementalAlterConfigs => (
            1,
            &[
                Field(
                    0,
                    LAST,
                    List(&[
                        Field(0, LAST, Fixed(1)),
                        Field(0, LAST, Text),
                        Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Fixed(1)), Field(0, LAST, Text)])),
                    ]),
                ),
                Field(0, LAST, Fixed(1)),
            ],
        ),
        ApiKey::OffsetDelete => (
            NEVER,
            &[
                Field(0, LAST, Text),
                Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, List(&[Field(0, LAST, Fixed(4))]))])),
            ],
        ),
        ApiKey::DescribeCluster => (0, &[Field(0, LAST, Fixed(1)), Field(1, LAST, Fixed(1)), Field(2, LAST, Fixed(1))]),
        ApiKey::SaslHandshake => (NEVER, &[Field(0, LAST, Text)]),
        ApiKey::SaslAuthenticate => (2, &[Field(0, LAST, Blob)]),
        ApiKey::DescribeProducers => {
            (0, &[Field(0, LAST, List(&[Field(0, LAST, Text), Field(0, LAST, Items(&Fixed(4)))]))])
        }
        ApiKey::DescribeTransactions => (0, &[Field(0, LAST, Items(&Text))]),
        ApiKey::ListTransactions => (
            0,
            &[
                Field(0, LAST, Items(&Text)),
                Field(0, LAST, Items(&Fixed(8))),
                Field(1, LAST, Fixed(8)),
                Field(2, LAST, Text),
            ],
        ),
        _ => return None,
    };
    Some(shape)
}
