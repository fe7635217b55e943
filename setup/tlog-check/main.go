// Checks and makes signed notes and Merkle proofs with golang.org/x/mod/sumdb, the implementation that Go's own module
// mirror is checked with. One JSON request a line in, one JSON answer a line out; hashes and bytes are base64.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type request struct {
	Op       string      `json:"op"`
	Name     string      `json:"name"`
	Signer   string      `json:"signer"`
	Verifier string      `json:"verifier"`
	Text     string      `json:"text"`
	Note     string      `json:"note"`
	Leaves   []tlog.Hash `json:"leaves"`
	Proof    []tlog.Hash `json:"proof"`
	Size     int64       `json:"size"`
	Root     tlog.Hash   `json:"root"`
	Index    int64       `json:"index"`
	Leaf     tlog.Hash   `json:"leaf"`
	OldSize  int64       `json:"old_size"`
	OldRoot  tlog.Hash   `json:"old_root"`
	Data     []byte      `json:"data"`
}

type answer struct {
	Error    string      `json:"error,omitempty"`
	Signer   string      `json:"signer,omitempty"`
	Verifier string      `json:"verifier,omitempty"`
	Text     string      `json:"text,omitempty"`
	Note     string      `json:"note,omitempty"`
	Hash     *tlog.Hash  `json:"hash,omitempty"`
	Proof    []tlog.Hash `json:"proof,omitempty"`
}

// storage holds a whole tree in memory in the layout that package tlog asks for.
type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

func treeOf(leaves []tlog.Hash) (storage, error) {
	var tree storage
	for n, leaf := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaf, tree)
		if err != nil {
			return nil, err
		}
		tree = append(tree, hashes...)
	}
	return tree, nil
}

func do(q request) (answer, error) {
	switch q.Op {
	case "generate":
		signer, verifier, err := note.GenerateKey(rand.Reader, q.Name)
		return answer{Signer: signer, Verifier: verifier}, err
	case "sign":
		signer, err := note.NewSigner(q.Signer)
		if err != nil {
			return answer{}, err
		}
		signed, err := note.Sign(&note.Note{Text: q.Text}, signer)
		return answer{Note: string(signed)}, err
	case "open":
		verifier, err := note.NewVerifier(q.Verifier)
		if err != nil {
			return answer{}, err
		}
		opened, err := note.Open([]byte(q.Note), note.VerifierList(verifier))
		if err != nil {
			return answer{}, err
		}
		return answer{Text: opened.Text}, nil
	case "leaf":
		hash := tlog.RecordHash(q.Data)
		return answer{Hash: &hash}, nil
	case "root":
		tree, err := treeOf(q.Leaves)
		if err != nil {
			return answer{}, err
		}
		hash, err := tlog.TreeHash(int64(len(q.Leaves)), tree)
		return answer{Hash: &hash}, err
	case "prove inclusion":
		tree, err := treeOf(q.Leaves)
		if err != nil {
			return answer{}, err
		}
		proof, err := tlog.ProveRecord(q.Size, q.Index, tree)
		return answer{Proof: proof}, err
	case "prove consistency":
		tree, err := treeOf(q.Leaves)
		if err != nil {
			return answer{}, err
		}
		proof, err := tlog.ProveTree(q.Size, q.OldSize, tree)
		return answer{Proof: proof}, err
	case "check inclusion":
		return answer{}, tlog.CheckRecord(q.Proof, q.Size, q.Root, q.Index, q.Leaf)
	case "check consistency":
		return answer{}, tlog.CheckTree(q.Proof, q.Size, q.Root, q.OldSize, q.OldRoot)
	}
	return answer{}, fmt.Errorf("unknown op %q", q.Op)
}

func main() {
	in := bufio.NewReader(os.Stdin)
	decoder := json.NewDecoder(in)
	encoder := json.NewEncoder(os.Stdout)
	for decoder.More() {
		var q request
		if err := decoder.Decode(&q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		a, err := do(q)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := encoder.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
