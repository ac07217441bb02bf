package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"

	"filippo.io/edwards25519"
)

// A signature and what Go's crypto/ed25519 says of it. Go checks S < L and the equation without the cofactor, as we
// do, and asks nothing of the key.
type signature struct {
	Name      string `json:"name"`
	PublicKey string `json:"publicKey"`
	Message   string `json:"message"`
	Signature string `json:"signature"`
	Accept    bool   `json:"accept"`
	// The key is of small order, or a second spelling of one: our rule refuses it whatever the equation says.
	WeakKey bool `json:"weakKey"`
}

func keyID(name string, material []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), material...))
	return binary.BigEndian.Uint32(sum[:])
}

func makeSignatures() []signature {
	out := []signature{}
	add := func(name string, publicKey, message, sig []byte, weak bool) {
		out = append(out, signature{name, hex.EncodeToString(publicKey), hex.EncodeToString(message), hex.EncodeToString(sig),
			ed25519.Verify(publicKey, message, sig), weak})
	}
	seed := sha256.Sum256([]byte("seed"))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := []byte(private.Public().(ed25519.PublicKey))
	message := []byte("message")
	good := ed25519.Sign(private, message)

	add("good", public, message, good, false)
	add("good, empty message", public, nil, ed25519.Sign(private, nil), false)
	for i := range 8 {
		s := sha256.Sum256([]byte{byte(i)})
		k := ed25519.NewKeyFromSeed(s[:])
		m := make([]byte, 1<<(2*i))
		add(fmt.Sprintf("good, message of %d bytes", len(m)), k.Public().(ed25519.PublicKey), m, ed25519.Sign(k, m), false)
	}
	for _, bit := range []int{0, 7, 100, 254, 255, 256, 300, 505, 508, 511} {
		bad := slices.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		add(fmt.Sprintf("bit %d of the signature flipped", bit), public, message, bad, false)
	}
	for _, bit := range []int{0, 1, 130, 254, 255} {
		bad := slices.Clone(public)
		bad[bit/8] ^= 1 << (bit % 8)
		add(fmt.Sprintf("bit %d of the key flipped", bit), bad, message, good, false)
	}
	add("another message", public, []byte("massage"), good, false)
	add("another key", []byte(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)), message, good, false)
	add("all zero", public, message, make([]byte, 64), false)
	for n := int64(1); n <= 15; n++ {
		s := new(big.Int).Add(fromLittle(good[32:]), new(big.Int).Mul(order, big.NewInt(n)))
		if s.BitLen() <= 256 {
			add(fmt.Sprintf("S + %d L", n), public, message, append(slices.Clone(good[:32]), toLittle(s)...), false)
		}
	}

	a, prefix := expand(seed[:])
	r := scalar(append(prefix, message...))
	R := new(edwards25519.Point).ScalarBaseMult(r)
	torsion := torsionPoints()

	// R with a torsion part: the equation holds after multiplying by 8, and not before.
	for i, T := range torsion[1:] {
		mixed := new(edwards25519.Point).Add(R, T).Bytes()
		add(fmt.Sprintf("R plus torsion point %d", i+1), public, message, append(mixed, answer(mixed, public, message, r, a)...), false)
	}
	// A key with a torsion part is no key of small order. Whoever made it can sign, if the challenge removes the
	// torsion; all verifiers without the cofactor agree on which messages those are.
	for i, T := range torsion[1:] {
		mixed := new(edwards25519.Point).Add(new(edwards25519.Point).ScalarBaseMult(a), T).Bytes()
		for _, n := range []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9} {
			m := []byte{n}
			add(fmt.Sprintf("key plus torsion point %d, message %d", i+1, n), mixed, m, append(R.Bytes(), answer(R.Bytes(), mixed, m, r, a)...), false)
		}
	}
	// R is the neutral element: r = 0, S = k a. A spendthrift signer, and a good signature.
	neutral := edwards25519.NewIdentityPoint().Bytes()
	zero := edwards25519.NewScalar()
	add("R neutral", public, message, append(slices.Clone(neutral), answer(neutral, public, message, zero, a)...), false)
	for i, spelled := range spellings(neutral)[1:] {
		add(fmt.Sprintf("R neutral, spelling %d", i+2), public, message, append(slices.Clone(spelled), answer(spelled, public, message, zero, a)...), false)
	}

	// Keys of small order, in all their spellings: with R neutral and S = 0 the equation holds when the order divides
	// the challenge, so one signature is good for every message, or for one in two, four or eight.
	universal := append(slices.Clone(neutral), make([]byte, 32)...)
	for i, T := range torsion {
		for j, key := range spellings(T.Bytes()) {
			for n := range byte(6) {
				add(fmt.Sprintf("small-order key %d, spelling %d, message %d", i, j+1, n), key, []byte{n}, universal, true)
			}
		}
	}
	// y from the prime up to 2^255-1: second spellings of y = 0 to 18, all refused.
	for n := range int64(19) {
		y := new(big.Int).Add(prime, big.NewInt(n))
		for _, sign := range []byte{0, 0x80} {
			key := toLittle(y)
			key[31] |= sign
			add(fmt.Sprintf("key with y = p + %d, sign %d", n, sign>>7), key, message, universal, true)
		}
	}
	add("key that is no point", append([]byte{2}, make([]byte, 31)...), message, universal, false)
	return out
}

var (
	order, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	prime    = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
)

// S = r + k a, k = SHA-512(R || A || message): RFC 8032 §5.1.6.
func answer(R, A, message []byte, r, a *edwards25519.Scalar) []byte {
	k := scalar(slices.Concat(R, A, message))
	return new(edwards25519.Scalar).MultiplyAdd(k, a, r).Bytes()
}

func expand(seed []byte) (*edwards25519.Scalar, []byte) {
	h := sha512.Sum512(seed)
	a, err := new(edwards25519.Scalar).SetBytesWithClamping(h[:32])
	check(err)
	return a, h[32:]
}

func scalar(data []byte) *edwards25519.Scalar {
	h := sha512.Sum512(data)
	s, err := new(edwards25519.Scalar).SetUniformBytes(h[:])
	check(err)
	return s
}

// The eight points whose order divides 8, the neutral element first.
func torsionPoints() []*edwards25519.Point {
	// A generator: L times a point of full order. Multiplying by L - 1 and adding once keeps it a valid scalar.
	minusOne, err := new(edwards25519.Scalar).SetCanonicalBytes(toLittle(new(big.Int).Sub(order, big.NewInt(1))))
	check(err)
	for n := byte(0); ; n++ {
		P, err := new(edwards25519.Point).SetBytes(append([]byte{n}, make([]byte, 31)...))
		if err != nil {
			continue
		}
		T := new(edwards25519.Point).ScalarMult(minusOne, P)
		T.Add(T, P)
		points := []*edwards25519.Point{edwards25519.NewIdentityPoint()}
		for range 7 {
			points = append(points, new(edwards25519.Point).Add(points[len(points)-1], T))
		}
		four := points[4]
		if four.Equal(points[0]) == 0 {
			return points
		}
	}
}

// Every string of 32 bytes that decoders have been seen to read as the point, the canonical one first: y or y + p,
// and either sign where x is 0.
func spellings(canonical []byte) [][]byte {
	out := [][]byte{canonical}
	sign := canonical[31] & 0x80
	bare := slices.Clone(canonical)
	bare[31] &= 0x7f
	y := fromLittle(bare)
	xIsZero := y.Cmp(big.NewInt(1)) == 0 || y.Cmp(new(big.Int).Sub(prime, big.NewInt(1))) == 0
	shifted := new(big.Int).Add(y, prime)
	for _, value := range []*big.Int{y, shifted} {
		if value.BitLen() > 255 {
			continue
		}
		for _, s := range []byte{0, 0x80} {
			text := toLittle(value)
			text[31] |= s
			if (s == sign || xIsZero) && !slices.Equal(text, canonical) {
				out = append(out, text)
			}
		}
	}
	return out
}

func fromLittle(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

func toLittle(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}
