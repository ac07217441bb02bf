package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type notes struct {
	VerifierKeys []verdict     `json:"verifierKeys"`
	Notes        []noteVerdict `json:"notes"`
	Checkpoints  []verdict     `json:"checkpoints"`
}

// What Go says of a text.
type verdict struct {
	Name   string `json:"name"`
	Text   string `json:"text"`
	Accept bool   `json:"accept"`
}

type noteVerdict struct {
	Name string `json:"name"`
	// Base64, because some are no UTF-8.
	Note string   `json:"note"`
	Keys []string `json:"keys"`
	// "verified", "malformed", "bad signature" or "unsigned".
	Verdict string   `json:"verdict"`
	Signers []string `json:"signers"`
}

type pair struct {
	vkey   string
	signer note.Signer
}

func makeKey(name string, fill byte) pair {
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = fill
	}
	private := ed25519.NewKeyFromSeed(seed)
	vkey, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	check(err)
	id := strings.Split(vkey, "+")[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + id + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	check(err)
	return pair{vkey, signer}
}

func makeNotes() notes {
	return notes{verifierKeyCases(), noteCases(), checkpointCases()}
}

func verifierKeyCases() []verdict {
	good := makeKey("example.com/log", 1).vkey
	name, rest, _ := strings.Cut(good, "+")
	id, key, _ := strings.Cut(rest, "+")
	cases := []verdict{}
	add := func(name, text string) {
		_, err := note.NewVerifier(text)
		cases = append(cases, verdict{name, text, err == nil})
	}
	encode := func(name string, material []byte) string {
		return nameAndID(name, material) + "+" + base64.StdEncoding.EncodeToString(material)
	}
	raw, _ := base64.StdEncoding.DecodeString(key)

	add("good", good)
	for fill := byte(2); fill < 12; fill++ {
		add(fmt.Sprintf("good %d", fill), makeKey("witness.example/w", fill).vkey)
	}
	add("good, name with U+FEFF", makeKey("example.com/\ufeff", 1).vkey)
	add("good, name outside the basic plane", makeKey("\U0001F4DC", 1).vkey)
	add("empty", "")
	add("name only", name)
	add("no key", name+"+"+id)
	add("empty key", name+"+"+id+"+")
	add("empty name", encode("", raw))
	add("ID in uppercase", name+"+"+strings.ToUpper(id)+"+"+key)
	add("ID one digit short", name+"+"+id[1:]+"+"+key)
	add("ID with a sign", name+"++"+id[1:]+"+"+key)
	add("ID of another key", name+"+00000000+"+key)
	add("name changed", "example.org/log+"+id+"+"+key)
	add("name with a space", encode("example.com log", raw))
	add("name with a no-break space", encode("example.com\u00a0log", raw))
	add("name with U+0085", encode("example.com\u0085log", raw))
	add("name with an ideographic space", encode("example.com\u3000log", raw))
	add("name with a control character", encode("example.com\u0001log", raw))
	short := encode("example.com/log", raw[:32])
	add("key one byte short", short)
	add("key one byte short, without padding", strings.TrimSuffix(short, "="))
	add("key one byte long", encode("example.com/log", append(append([]byte{}, raw...), 0)))
	add("newline in the base64", good[:len(good)-4]+"\n"+good[len(good)-4:])
	add("newline at the end", good+"\n")
	add("space at the end", good+" ")
	add("space at the start", " "+good)
	add("URL alphabet", name+"+"+id+"+"+strings.NewReplacer("+", "-", "/", "_").Replace(key))
	add("a fourth part", good+"+AAAA")
	add("type 2, unknown", encode("example.com/log", append([]byte{2}, raw[1:]...)))
	add("type 4, a cosigner", encode("example.com/log", append([]byte{4}, raw[1:]...)))
	small := make([]byte, 33)
	small[0], small[1] = 1, 1
	add("key of small order", encode("example.com/log", small))
	beyond := make([]byte, 33)
	for i := range beyond {
		beyond[i] = 0xff
	}
	beyond[0], beyond[32] = 1, 0x7f
	add("key with y above the prime", encode("example.com/log", beyond))
	return cases
}

// "<name>+<ID>" of key material, also where Go would not make one.
func nameAndID(name string, material []byte) string {
	return fmt.Sprintf("%s+%08x", name, keyID(name, material))
}

func noteCases() []noteVerdict {
	log, witness, stranger := makeKey("example.com/log", 1), makeKey("witness.example/w", 2), makeKey("stranger.example", 3)
	other := makeKey("example.com/log", 4)
	const text = "example.com/log\n7\nNWAZGAMChESyMgGKwEf9tWHAnCOnpodsheCLXk1I6fM=\n"
	cases := []noteVerdict{}
	add := func(name, msg string, keys ...pair) {
		verifiers, vkeys := []note.Verifier{}, []string{}
		for _, key := range keys {
			v, err := note.NewVerifier(key.vkey)
			check(err)
			verifiers, vkeys = append(verifiers, v), append(vkeys, key.vkey)
		}
		opened, err := note.Open([]byte(msg), note.VerifierList(verifiers...))
		c := noteVerdict{Name: name, Note: base64.StdEncoding.EncodeToString([]byte(msg)), Keys: vkeys, Signers: []string{}}
		var bad *note.InvalidSignatureError
		var unsigned *note.UnverifiedNoteError
		switch {
		case err == nil:
			c.Verdict = "verified"
			for _, sig := range opened.Sigs {
				c.Signers = append(c.Signers, sig.Name)
			}
		case errors.As(err, &bad):
			c.Verdict = "bad signature"
		case errors.As(err, &unsigned):
			c.Verdict = "unsigned"
		default:
			c.Verdict = "malformed"
		}
		cases = append(cases, c)
	}
	line := func(text string, key pair) string {
		return strings.TrimPrefix(sign(text, key), text+"\n")
	}
	good := sign(text, log)
	sig := line(text, log)
	b64 := strings.TrimSuffix(strings.TrimPrefix(sig, "— example.com/log "), "\n")

	add("good", good, log)
	add("good, two signers", sign(text, log, witness), log, witness)
	add("good, one of two is known", sign(text, log, witness), witness)
	add("good, a stranger signed too", sign(text, stranger, log), log)
	add("good, same name and another ID", sign(text, other, log), log)
	add("only another ID of the same name", sign(text, other), log)
	add("only the same ID under another name", text+"\n"+strings.Replace(sig, "example.com/log", "example.org/log", 1), log)
	add("no key is known", good)
	add("text changed", strings.Replace(good, "\n7\n", "\n8\n", 1), log)
	add("signature changed", text+"\n— example.com/log "+flip(b64, 20)+"\n", log)
	add("one known signature good, another bad", text+"\n"+line(text, log)+line("else\n", witness), log, witness)
	add("one known signature bad, another good", text+"\n"+line("else\n", log)+line(text, witness), log, witness)
	add("a stranger's signature is bad", text+"\n"+line(text, log)+line("else\n", stranger), log)
	add("known signature repeated", text+"\n"+sig+sig, log)
	add("known signature repeated, the second bad", text+"\n"+sig+line("else\n", log), log)
	add("known signature repeated, the first bad", text+"\n"+line("else\n", log)+sig, log)
	add("empty lines in the text", sign("a\n\nb\n\n\nc\n", log), log)
	add("text is one empty line", sign("\n", log), log)
	add("text holds a signature line", sign("a\n\n"+sig, log), log)
	add("text with a BOM", sign("\ufeff"+text, log), log)
	add("text without its BOM", strings.TrimPrefix(sign("\ufeff"+text, log), "\ufeff"), log)
	add("BOM put before a good note", "\ufeff"+good, log)
	add("text with U+2028", sign("a\u2028b\n", log), log)
	add("text with DEL and C1 controls", sign("a\u007f\u0085b\n", log), log)
	add("text with U+FFFD", sign("a\ufffdb\n", log), log)
	add("empty", "", log)
	add("only newlines", "\n\n\n", log)
	add("no text", "\n"+sig, log)
	add("no separator", text+sig, log)
	add("no signature", text+"\n", log)
	add("no newline at the end", strings.TrimSuffix(good, "\n"), log)
	add("empty line at the end", good+"\n", log)
	add("empty line between signatures", text+"\n"+sig+"\n"+line(text, witness), log)
	add("carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), log)
	add("tab in the text", signAnything("a\tb\n", log), log)
	add("NUL in the text", signAnything("a\x00b\n", log), log)
	add("not UTF-8", signAnything("a\xffb\n", log), log)
	add("overlong UTF-8", signAnything("a\xc0\x80b\n", log), log)
	add("surrogate in UTF-8", signAnything("a\xed\xa0\x80b\n", log), log)
	add("hyphen for the dash", strings.Replace(good, "— ", "- ", 1), log)
	add("en dash for the em dash", strings.Replace(good, "— ", "– ", 1), log)
	add("no space after the dash", strings.Replace(good, "— ", "—", 1), log)
	add("two spaces after the dash", strings.Replace(good, "— ", "—  ", 1), log)
	add("two spaces after the name", strings.Replace(good, "log "+b64, "log  "+b64, 1), log)
	add("no-break space after the name", strings.Replace(good, "log "+b64, "log\u00a0"+b64, 1), log)
	add("space at the end of the line", strings.TrimSuffix(good, "\n")+" \n", log)
	add("no signature after the name", text+"\n— example.com/log\n", log)
	add("empty signature after the name", text+"\n— example.com/log \n", log)
	add("name with a plus", text+"\n"+strings.Replace(sig, "example.com/log", "example.com+log", 1), log)
	add("name with U+0085", text+"\n"+strings.Replace(sig, "example.com/log", "example.com\u0085log", 1)+sig, log)
	add("name with an em space", text+"\n"+strings.Replace(sig, "example.com/log", "example.com\u2003log", 1)+sig, log)
	add("name with U+FEFF", text+"\n"+strings.Replace(sig, "example.com/log", "example.com\ufefflog", 1)+sig, log)
	add("unknown name that contains the known one", text+"\n"+strings.Replace(sig, "example.com/log", "example.com/log2", 1), log)
	add("base64 of the URL alphabet", text+"\n— example.com/log "+strings.NewReplacer("+", "-", "/", "_").Replace(b64)+"\n", log)
	add("base64 without padding", text+"\n— example.com/log "+strings.TrimRight(b64, "=")+"\n", log)
	add("base64 with a third padding", text+"\n— example.com/log "+b64+"=\n", log)
	add("base64 with unused bits set", text+"\n— example.com/log "+loosen(b64)+"\n", log)
	add("base64 with a carriage return", text+"\n— example.com/log "+b64[:8]+"\r"+b64[8:]+"\n", log)
	add("signature of a key ID only", text+"\n— example.com/log "+b64[:4]+"AA==\n"+sig, log)
	add("signature of one byte", text+"\n— stranger.example AAAAAAE=\n"+sig, log)
	add("known signature cut to 63 bytes", text+"\n— example.com/log "+cut(b64, 67)+"\n", log)
	add("known signature with a byte more", text+"\n— example.com/log "+cut(b64+"AAAA", 69)+"\n", log)
	for _, n := range []int{16, 99, 100} {
		add(fmt.Sprintf("a good signature after %d of strangers", n), text+"\n"+many(n)+sig, log)
	}
	return cases
}

func checkpointCases() []verdict {
	const origin = "go.sum database tree" // the only origin this parser of Go's reads
	const hash = "NWAZGAMChESyMgGKwEf9tWHAnCOnpodsheCLXk1I6fM="
	cases := []verdict{}
	add := func(name, text string) {
		_, err := tlog.ParseTree([]byte(text))
		cases = append(cases, verdict{name, text, err == nil})
	}
	for _, size := range []string{"0", "1", "7", "256", "9007199254740991", "9007199254740992", "9223372036854775807",
		"9223372036854775808", "01", "00", "-0", "-1", "+7", " 7", "7 ", "", "1e3", "0x10", "1_000", "7.0", "٧", "NaN", "Infinity"} {
		add("size "+size, origin+"\n"+size+"\n"+hash+"\n")
	}
	for _, h := range []string{"", "AAAA", strings.TrimSuffix(hash, "="), hash + "=", loosen(hash), " " + hash, hash + " ",
		"-" + hash[1:], "/" + hash[1:], "N" + hash} {
		add("root "+h, origin+"\n7\n"+h+"\n")
	}
	add("extension lines", origin+"\n7\n"+hash+"\none\ntwo\n")
	add("empty extension line", origin+"\n7\n"+hash+"\n\n")
	add("extension line without newline", origin+"\n7\n"+hash+"\none")
	add("no newline at the end", origin+"\n7\n"+hash)
	add("two lines", origin+"\n7\n")
	add("carriage returns", origin+"\r\n7\r\n"+hash+"\r\n")
	add("empty", "")
	return cases
}

func sign(text string, keys ...pair) string {
	signers := []note.Signer{}
	for _, key := range keys {
		signers = append(signers, key.signer)
	}
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	check(err)
	return string(msg)
}

// A signature over a text that no note may hold.
func signAnything(text string, key pair) string {
	sig, err := key.signer.Sign([]byte(text))
	check(err)
	raw := append(binary.BigEndian.AppendUint32(nil, key.signer.KeyHash()), sig...)
	return text + "\n— " + key.signer.Name() + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		raw := binary.BigEndian.AppendUint32(nil, uint32(i))
		fmt.Fprintf(&b, "— stranger.example/%d %s\n", i, base64.StdEncoding.EncodeToString(append(raw, 1)))
	}
	return b.String()
}

func cut(b64 string, length int) string {
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(b64, "=", "A"))
	check(err)
	return base64.StdEncoding.EncodeToString(raw[:length])
}

func flip(b64 string, at int) string {
	raw, err := base64.StdEncoding.DecodeString(b64)
	check(err)
	raw[at] ^= 1
	return base64.StdEncoding.EncodeToString(raw)
}

// The same bytes with an unused bit of the last character set; the text must end in one "=".
func loosen(b64 string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(b64) - 2
	return b64[:last] + string(alphabet[strings.IndexByte(alphabet, b64[last])|1]) + "="
}
