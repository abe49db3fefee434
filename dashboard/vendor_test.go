package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// What is vendored is what was published: htmx.org 4.0.1 on npm.
func TestVendored(t *testing.T) {
	for name, want := range map[string]string{
		"htmx-4.0.1.js":   "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
		"hx-sse-4.0.1.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
	} {
		body, err := staticFS.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has the SHA-256 %x, want %s", name, sum, want)
		}
	}
}
