package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/secret"
)

// secretPrefix marks a secret of Standard Webhooks.
const secretPrefix = "whsec_"

const secretSize = 32

// NewSecret draws a secret for an endpoint, as its owner gets it.
func NewSecret() string {
	random := make([]byte, secretSize)
	rand.Read(random)
	return secretPrefix + base64.StdEncoding.EncodeToString(random)
}

// sign sets the headers that prove to an endpoint who sent a body and when. Each secret
// that is valid gives a signature (https://www.standardwebhooks.com).
func sign(h http.Header, id uuid.UUID, at time.Time, body []byte, secrets []secret.Text) {
	messageID, stamp := "msg_"+id.String(), strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, 0, len(secrets))
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
		if err != nil {
			continue // NewSecret makes none
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(messageID + "." + stamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h.Set("webhook-id", messageID)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", strings.Join(signatures, " "))
}
