package signing_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"memhook/signing"
)

// A sender sets the headers of a request with all live secrets, newest first.
func ExampleSetHeaders() {
	secret, err := signing.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	body := `{"test": 2432232314}`
	r := httptest.NewRequest(http.MethodPost, "https://example.com/hook", strings.NewReader(body))
	signing.SetHeaders(r.Header, []signing.Secret{secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(body))
	fmt.Println(r.Header.Get(signing.HeaderSignature))
	// Output: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
}

// Sign gives the value of the header alone.
func ExampleSign() {
	secret, err := signing.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Unix(1614265330, 0)
	fmt.Println(signing.Sign([]signing.Secret{secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`)))
	fmt.Println(secret)
	// Output:
	// v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
	// whsec_[redacted]
}

// A receiver reads the body as it came, verifies, and only then parses it.
func ExampleVerify() {
	secret := signing.GenerateSecret()
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		err = signing.Verify([]signing.Secret{secret}, r.Header, body, time.Now(), signing.Tolerance)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}

	for _, sent := range []string{"as signed", "tampered"} {
		r := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(sent))
		signing.SetHeaders(r.Header, []signing.Secret{secret}, "msg_1", time.Now(), []byte("as signed"))
		w := httptest.NewRecorder()
		receive(w, r)
		fmt.Println(sent+":", w.Code)
	}
	// Output:
	// as signed: 204
	// tampered: 401
}
