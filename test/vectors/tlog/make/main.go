// Command make writes the vectors of src/core/tlog as Go's own libraries have them:
//
//	go run . ..
//
// Trees, tiles and proofs come from golang.org/x/mod/sumdb/tlog, verdicts on notes and keys from
// golang.org/x/mod/sumdb/note, on signatures from crypto/ed25519, on witnessed proofs from filippo.io/torchwood.
// Nothing here has read our code.
// The output depends on nothing but this program: running it again gives the same bytes.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: make <directory for the JSON files>")
	}
	write("trees.json", makeTrees())
	write("notes.json", makeNotes())
	write("ed25519.json", makeSignatures())
	write("proofs.json", makeProofs())
}

func write(name string, value any) {
	text, err := json.MarshalIndent(value, "", " ")
	check(err)
	check(os.WriteFile(filepath.Join(os.Args[1], name), append(text, '\n'), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
