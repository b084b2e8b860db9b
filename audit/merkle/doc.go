// Package merkle hashes the entries of a log into the tree of RFC 6962 and proves
// what the tree holds. It knows nothing of storage: nodes come from a function.
//
// For most uses call [Frontier.Append] to grow a tree, [Inclusion] and
// [Consistency] to make proofs, and [VerifyInclusion] and [VerifyConsistency] to
// check them.
//
// # Model
//
// A tree of size n has n leaves, each SHA-256(0x00 ‖ entry). A node is
// SHA-256(0x01 ‖ left ‖ right). A *complete subtree* of level l starts at a
// multiple of 2^l and has 2^l leaves; its hash never changes once the log has
// grown past it, so everything that is kept or proven is made of such hashes.
//
// A [Frontier] holds the complete subtrees that make up a tree, at most 64
// hashes, and is all that is needed to append. A [Nodes] function looks up
// complete subtrees of an existing log; a store answers it from *tiles*, rows of
// 256 neighbouring hashes of every eighth level.
//
// # Errors
//
// A proof that does not hold is [ErrProof]. The verifying functions never panic,
// whatever they are given, and refuse hashes that are not 32 bytes, a consistency
// proof from size 0, and surplus or missing path elements.
//
// # Compatibility
//
// The hashing is that of RFC 6962 section 2.1 and RFC 9162 section 2.1; tile paths
// are those of c2sp.org/tlog-tiles. Neither will change.
package merkle
