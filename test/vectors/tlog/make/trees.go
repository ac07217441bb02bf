package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Entry i of the tree that is really built is the text "entry <i>".
func entry(i int64) []byte { return fmt.Appendf(nil, "entry %d", i) }

const built = 70_000

type trees struct {
	Roots       []root        `json:"roots"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
	Tiles       []tileHash    `json:"tiles"`
	Paths       []path        `json:"paths"`
	NewTiles    []newTiles    `json:"newTiles"`
	// Trees too large to build: the hash of the perfect subtree n of a level is SHA-256("node <level> <n>"), so that
	// only the choice of subtrees and the order of folding are compared.
	Far far `json:"far"`
}

type root struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
}
type inclusion struct {
	Size  int64    `json:"size"`
	Index int64    `json:"index"`
	Proof []string `json:"proof"`
}
type consistency struct {
	Size1 int64    `json:"size1"`
	Size2 int64    `json:"size2"`
	Proof []string `json:"proof"`
}
type tileHash struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}
type path struct {
	Level int    `json:"level"`
	Index int64  `json:"index"`
	Width int    `json:"width"`
	Path  string `json:"path"`
}
type newTiles struct {
	From  int64    `json:"from"`
	To    int64    `json:"to"`
	Paths []string `json:"paths"`
}
type far struct {
	Roots       []root   `json:"roots"`
	Inclusion   []digest `json:"inclusion"`
	Consistency []digest `json:"consistency"`
}

// A proof in brief: how many hashes, and SHA-256 of all of them in order.
type digest struct {
	A      int64  `json:"a"`
	B      int64  `json:"b"`
	Hashes int    `json:"hashes"`
	SHA256 string `json:"sha256"`
}

type memory []tlog.Hash

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = (*m)[x]
	}
	return out, nil
}

type imagined struct{}

func (imagined) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		out[i] = sha256.Sum256(fmt.Appendf(nil, "node %d %d", level, n))
	}
	return out, nil
}

func makeTrees() trees {
	var store memory
	for i := range int64(built) {
		hashes, err := tlog.StoredHashes(i, entry(i), &store)
		check(err)
		store = append(store, hashes...)
	}
	out := trees{}

	sizes := []int64{}
	for n := range int64(34) {
		sizes = append(sizes, n)
	}
	sizes = append(sizes, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513, 600, 65_535, 65_536, 65_537, built)
	for _, size := range sizes {
		hash, err := tlog.TreeHash(size, &store)
		check(err)
		out.Roots = append(out.Roots, root{size, hash.String()})
		for _, index := range indexes(size) {
			proof, err := tlog.ProveRecord(size, index, &store)
			check(err)
			out.Inclusion = append(out.Inclusion, inclusion{size, index, texts(proof)})
		}
		for _, older := range sizes {
			// Go has no proof from size 0; small sizes all pairs, large ones against their neighbours in the list.
			if older < 1 || older > size || size > 17 && older < size/2 && older%16 != 1 {
				continue
			}
			proof, err := tlog.ProveTree(size, older, &store)
			check(err)
			out.Consistency = append(out.Consistency, consistency{older, size, texts(proof)})
		}
	}

	for _, tile := range tlog.NewTiles(8, 0, built) {
		if tile.L == 0 && tile.W == 256 && tile.N != 0 && tile.N != 1 && tile.N != 272 {
			continue
		}
		data, err := tlog.ReadTileData(tile, &store)
		check(err)
		sum := sha256.Sum256(data)
		out.Tiles = append(out.Tiles, tileHash{tilePath(tile), hex.EncodeToString(sum[:])})
	}

	for _, n := range []int64{0, 1, 9, 10, 99, 999, 1000, 1001, 999_999, 1_000_000, 1_234_067, 123_456_789, 1<<31 - 1, 1 << 32, 1<<53 - 1} {
		for _, width := range []int{1, 9, 99, 255, 256} {
			for _, level := range []int{0, 1, 9, 63} {
				tile := tlog.Tile{H: 8, L: level, N: n, W: width}
				out.Paths = append(out.Paths, path{level, n, width, tilePath(tile)})
			}
		}
	}

	edges := edgesOf()
	for i, size := range edges {
		for _, from := range []int64{size - 1, size - 255, size - 256, size - 257, size} {
			if from < 0 {
				continue
			}
			list := newTiles{From: from, To: size, Paths: []string{}}
			for _, tile := range tlog.NewTiles(8, from, size) {
				list.Paths = append(list.Paths, tilePath(tile))
			}
			out.NewTiles = append(out.NewTiles, list)
		}
		hash, err := tlog.TreeHash(size, imagined{})
		check(err)
		out.Far.Roots = append(out.Far.Roots, root{size, hash.String()})
		for _, index := range indexes(size) {
			proof, err := tlog.ProveRecord(size, index, imagined{})
			check(err)
			out.Far.Inclusion = append(out.Far.Inclusion, brief(index, size, proof))
		}
		for _, older := range edges[:i+1] {
			proof, err := tlog.ProveTree(size, older, imagined{})
			check(err)
			out.Far.Consistency = append(out.Far.Consistency, brief(older, size, proof))
		}
	}
	return out
}

// Sizes around each power of 256 and around the widths at which integers of other languages end, ascending.
func edgesOf() []int64 {
	var edges []int64
	for _, shift := range []int{8, 16, 24, 31, 32, 40, 48, 52} {
		for d := int64(-1); d <= 1; d++ {
			edges = append(edges, int64(1)<<shift+d)
		}
	}
	return append(edges, 1<<53-256, 1<<53-2, 1<<53-1)
}

// All indexes of a small tree, else those where a path changes its shape.
func indexes(size int64) []int64 {
	var out []int64
	if size <= 17 {
		for i := range size {
			out = append(out, i)
		}
		return out
	}
	seen := map[int64]bool{}
	for _, i := range []int64{0, 1, 255, 256, size / 2, size/2 + 1, size - 257, size - 256, size - 2, size - 1} {
		if i >= 0 && i < size && !seen[i] {
			seen[i] = true
			out = append(out, i)
		}
	}
	return out
}

// Go's paths begin with the height of its tiles, C2SP's do not.
func tilePath(t tlog.Tile) string { return strings.Replace(t.Path(), "tile/8/", "tile/", 1) }

func texts(proof []tlog.Hash) []string {
	out := []string{}
	for _, hash := range proof {
		out = append(out, hash.String())
	}
	return out
}

func brief(a, b int64, proof []tlog.Hash) digest {
	h := sha256.New()
	for _, hash := range proof {
		h.Write(hash[:])
	}
	return digest{a, b, len(proof), hex.EncodeToString(h.Sum(nil))}
}
