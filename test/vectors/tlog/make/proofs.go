package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// A tlog-proof, the policy it is held against, and whether filippo.io/torchwood takes it for entry "entry <index>".
type proofVerdict struct {
	Name   string `json:"name"`
	Policy string `json:"policy"`
	Index  int64  `json:"index"`
	Proof  string `json:"proof"`
	Accept bool   `json:"accept"`
}

type cosigner struct {
	name    string
	vkey    string
	private ed25519.PrivateKey
}

func makeCosigner(name string, fill byte) cosigner {
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = fill
	}
	private := ed25519.NewKeyFromSeed(seed)
	material := append([]byte{4}, private.Public().(ed25519.PublicKey)...)
	vkey := nameAndID(name, material) + "+" + base64.StdEncoding.EncodeToString(material)
	_, err := torchwood.NewCosignatureVerifier(vkey)
	check(err)
	return cosigner{name, vkey, private}
}

// Written out, because torchwood's signer takes the time from the clock.
func (c cosigner) line(text string, seconds uint64) string {
	sig := ed25519.Sign(c.private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text))
	raw := binary.BigEndian.AppendUint32(nil, keyID(c.name, append([]byte{4}, c.private.Public().(ed25519.PublicKey)...)))
	raw = append(binary.BigEndian.AppendUint64(raw, seconds), sig...)
	return "— " + c.name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func makeProofs() []proofVerdict {
	const size = 300
	var store memory
	for i := range int64(size) {
		hashes, err := tlog.StoredHashes(i, entry(i), &store)
		check(err)
		store = append(store, hashes...)
	}
	hash, err := tlog.TreeHash(size, &store)
	check(err)

	log := makeKey("example.com/log", 1)
	text := torchwood.Checkpoint{Origin: "example.com/log", Tree: tlog.Tree{N: size, Hash: hash}}.String()
	note := sign(text, log)
	w := []cosigner{}
	for i := range byte(3) {
		w = append(w, makeCosigner(fmt.Sprintf("witness.example/w%d", i), 10+i))
	}
	prove := func(index int64) tlog.RecordProof {
		proof, err := tlog.ProveRecord(size, index, &store)
		check(err)
		return proof
	}

	head := "# the log and its witnesses\nlog " + log.vkey + "\n"
	for i, c := range w {
		head += fmt.Sprintf("witness w%d %s https://w%d.example/\n", i, c.vkey, i)
	}
	none := head + "quorum none\n"
	two := head + "group g 2 w0 w1 w2\nquorum g\n"
	nested := head + "group a any w0 w1\ngroup b all a w2\nquorum b\n"

	out := []proofVerdict{}
	add := func(name, policy string, index int64, proof []byte) {
		p, err := torchwood.ParsePolicy([]byte(policy))
		if err == nil {
			err = torchwood.VerifyProof(p, tlog.RecordHash(entry(index)), proof)
		}
		out = append(out, proofVerdict{name, policy, index, base64.StdEncoding.EncodeToString(proof), err == nil})
	}
	format := func(index int64, lines ...string) []byte {
		return torchwood.FormatProof(index, prove(index), []byte(note+strings.Join(lines, "")))
	}
	edit := func(from, to string) []byte {
		return []byte(strings.Replace(string(format(4)), from, to, 1))
	}

	for _, index := range []int64{0, 1, 255, 256, 298, 299} {
		add(fmt.Sprintf("entry %d", index), none, index, format(index))
	}
	add("extra data", none, 4, torchwood.FormatProofWithExtraData(4, []byte("extra"), prove(4), []byte(note)))
	add("another entry", none, 5, format(4))
	add("another index", none, 4, edit("index 4\n", "index 5\n"))
	add("index beyond the tree", none, 4, edit("index 4\n", "index 300\n"))
	add("index with a leading zero", none, 4, edit("index 4\n", "index 04\n"))
	add("index with a sign", none, 4, edit("index 4\n", "index +4\n"))
	add("no header", none, 4, edit("c2sp.org/tlog-proof@v1\n", ""))
	add("a spare hash", none, 4, torchwood.FormatProof(4, append(prove(4), hash), []byte(note)))
	add("a missing hash", none, 4, torchwood.FormatProof(4, prove(4)[1:], []byte(note)))
	add("hashes from the root down", none, 4, torchwood.FormatProof(4, reversed(prove(4)), []byte(note)))
	add("unused bits set in a hash", none, 4, edit(prove(4)[0].String(), loosen(prove(4)[0].String())))
	add("not signed by the log", none, 4, torchwood.FormatProof(4, prove(4), []byte(sign(text, makeKey("example.com/log", 9)))))
	add("checkpoint changed", none, 4, edit("\n300\n", "\n301\n"))
	add("no cosignature where two are needed", two, 4, format(4))
	add("one cosignature where two are needed", two, 4, format(4, w[0].line(text, 7)))
	add("one cosignature twice where two are needed", two, 4, format(4, w[0].line(text, 7), w[0].line(text, 8)))
	add("two cosignatures where two are needed", two, 4, format(4, w[0].line(text, 7), w[2].line(text, 1<<32)))
	add("three cosignatures where two are needed", two, 4, format(4, w[0].line(text, 7), w[1].line(text, 8), w[2].line(text, 9)))
	add("two cosignatures and a bad one", two, 4, format(4, w[0].line(text, 7), w[1].line(text, 8), w[2].line("else\n", 9)))
	add("cosignature of another checkpoint", head+"quorum w0\n", 4, format(4, w[0].line(strings.Replace(text, "300", "299", 1), 7)))
	add("nested groups, met", nested, 4, format(4, w[1].line(text, 7), w[2].line(text, 8)))
	add("nested groups, the wrong two", nested, 4, format(4, w[0].line(text, 7), w[1].line(text, 8)))
	add("quorum of one witness", head+"quorum w1\n", 4, format(4, w[1].line(text, 7)))
	add("quorum of another witness", head+"quorum w1\n", 4, format(4, w[0].line(text, 7)))
	add("a member in two groups", head+"group a any w0\ngroup b any w0\ngroup c all a b\nquorum c\n", 4, format(4, w[0].line(text, 7)))
	add("a member twice in a group", head+"group a 2 w0 w0\nquorum a\n", 4, format(4, w[0].line(text, 7)))
	add("comment after a definition", head+"quorum w1 # only the second\n", 4, format(4, w[1].line(text, 7)))
	add("last line without newline", head+"quorum w1", 4, format(4, w[1].line(text, 7)))
	add("carriage returns in the policy", strings.ReplaceAll(none, "\n", "\r\n"), 4, format(4))
	add("group used before it is defined", head+"group a all b\ngroup b all w0\nquorum a\n", 4, format(4, w[0].line(text, 7)))
	add("two quorum lines", none+"quorum none\n", 4, format(4))
	add("no quorum line", head, 4, format(4))
	add("threshold above the members", head+"group a 2 w0\nquorum a\n", 4, format(4, w[0].line(text, 7)))
	add("threshold zero", head+"group a 0 w0\nquorum a\n", 4, format(4, w[0].line(text, 7)))
	add("threshold with a sign", head+"group a +1 w0\nquorum a\n", 4, format(4, w[0].line(text, 7)))
	return out
}

func reversed(proof tlog.RecordProof) tlog.RecordProof {
	proof = slices.Clone(proof)
	slices.Reverse(proof)
	return proof
}
