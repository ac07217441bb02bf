// What Go says of our witnesses and of our cosigned checkpoints, with other people's note, tree and policy code.
//
//	witness-go verify <policy file> <signed checkpoint>
//	witness-go key <log name>             prints the secret and the verifier key of a new log
//	witness-go feed <secret> <witness vkey> <address>
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	args := os.Args[1:]
	var err error
	switch {
	case len(args) == 3 && args[0] == "verify":
		err = verify(args[1], args[2])
	case len(args) == 2 && args[0] == "key":
		var skey, vkey string
		skey, vkey, err = note.GenerateKey(nil, args[1])
		fmt.Printf("%s\n%s\n", skey, vkey)
	case len(args) == 4 && args[0] == "feed":
		err = feed(args[1], args[2], args[3])
	default:
		err = fmt.Errorf("unknown arguments: %q", args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// verify holds a signed checkpoint against a C2SP tlog-policy, and prints what it is of.
func verify(policyPath, notePath string) error {
	text, err := os.ReadFile(policyPath)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(notePath)
	if err != nil {
		return err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return err
	}
	fmt.Printf("%s %d\n", checkpoint.Origin, checkpoint.N)
	return nil
}

// A log that exists in memory only.
type memory struct {
	hashes []tlog.Hash
	size   int64
}

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = m.hashes[index]
	}
	return found, nil
}

func (m *memory) grow(to int64, prefix string) error {
	for ; m.size < to; m.size++ {
		more, err := tlog.StoredHashes(m.size, fmt.Appendf(nil, "%s %d", prefix, m.size), m)
		if err != nil {
			return err
		}
		m.hashes = append(m.hashes, more...)
	}
	return nil
}

// feed hands a witness the checkpoints of a growing log, and then what it must refuse. Prints each answer.
func feed(skey, witnessKey, url string) error {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	witness, err := torchwood.NewCosignatureVerifier(witnessKey)
	if err != nil {
		return err
	}
	f := feeder{signer, witness, url}
	log, other := &memory{}, &memory{}
	for _, step := range []struct {
		tree     *memory
		old, new int64
	}{{log, 0, 1}, {log, 1, 1}, {log, 1, 300}, {log, 300, 1000}, {log, 1, 1000}, {log, 1000, 999}, {other, 1000, 1000}, {other, 1000, 1200}} {
		prefix := "entry"
		if step.tree == other {
			prefix = "another"
		}
		if err := step.tree.grow(step.new, prefix); err != nil {
			return err
		}
		answer, err := f.add(step.tree, step.old, step.new)
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return nil
}

type feeder struct {
	signer  note.Signer
	witness *torchwood.CosignatureVerifier
	url     string
}

func (f feeder) add(log *memory, old, size int64) (string, error) {
	root, err := tlog.TreeHash(size, log)
	if err != nil {
		return "", err
	}
	text := torchwood.Checkpoint{Origin: f.signer.Name(), Tree: tlog.Tree{N: size, Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, f.signer)
	if err != nil {
		return "", err
	}
	body := fmt.Appendf(nil, "old %d\n", old)
	if old > 0 && old <= size {
		proof, err := tlog.ProveTree(size, old, log)
		if err != nil {
			return "", err
		}
		for _, hash := range proof {
			body = fmt.Appendf(body, "%s\n", base64.StdEncoding.EncodeToString(hash[:]))
		}
	}
	body = append(append(body, '\n'), signed...)
	response, err := http.Post(f.url+"/add-checkpoint", "", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode == http.StatusConflict {
		return fmt.Sprintf("%d %s %s", response.StatusCode, response.Header.Get("Content-Type"), strings.TrimSpace(string(answer))), nil
	}
	if response.StatusCode == http.StatusOK {
		opened, err := note.Open(append(signed, answer...), note.VerifierList(f.witness))
		if err != nil {
			return "", fmt.Errorf("200 without a good cosignature: %w", err)
		}
		return fmt.Sprintf("%d %d cosigned", response.StatusCode, len(opened.Sigs)), nil
	}
	return fmt.Sprint(response.StatusCode), nil
}
