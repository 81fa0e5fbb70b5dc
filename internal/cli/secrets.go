package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/pims-sync/pims-sync/internal/secret"
)

// maxSecretBytes bounds a file with a secret.
const maxSecretBytes = 64 << 10

// SecretFiles name files that hold the secret settings, for machines that hand out secrets
// as files.
type SecretFiles struct {
	DatabaseURLFile   string `name:"database-url-file" help:"File with DATABASE_URL." env:"DATABASE_URL_FILE" placeholder:"FILE" group:"config"`
	MigrateURLFile    string `name:"migrate-database-url-file" help:"File with MIGRATE_DATABASE_URL." env:"MIGRATE_DATABASE_URL_FILE" placeholder:"FILE" group:"config"`
	SMTPURLFile       string `name:"smtp-url-file" help:"File with SMTP_URL." env:"SMTP_URL_FILE" placeholder:"FILE" group:"config"`
	EncryptionKeyFile string `name:"encryption-key-file" help:"File with ENCRYPTION_KEY." env:"ENCRYPTION_KEY_FILE" placeholder:"FILE" group:"config"`
}

// A FileSecret is a setting that may stand in a file instead.
type FileSecret struct {
	Variable, File string
	Into           *secret.Text
}

// ReadSecrets reads the settings that stand in files.
func (c *Config) ReadSecrets() error {
	return ReadFiles([]FileSecret{
		{"DATABASE_URL", c.DatabaseURLFile, &c.DatabaseURL},
		{"MIGRATE_DATABASE_URL", c.MigrateURLFile, &c.MigrateURL},
		{"ENCRYPTION_KEY", c.EncryptionKeyFile, &c.EncryptionKey},
		{"SMTP_URL", c.SMTPURLFile, &c.SMTPURL},
	})
}

// ReadFiles reads settings that stand in files.
func ReadFiles(secrets []FileSecret) error {
	for _, s := range secrets {
		if s.File == "" {
			continue
		}
		if !s.Into.Empty() {
			return fmt.Errorf("both %s and %s_FILE are set; leave one out", s.Variable, s.Variable)
		}
		text, err := readSecret(s.File)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", s.Variable, err)
		}
		*s.Into = secret.New(text)
	}
	return nil
}

// readSecret reads a file, without the line end that editors add.
func readSecret(name string) (string, error) {
	content, err := readFile(name, maxSecretBytes)
	if err != nil {
		return "", err
	}
	if content = bytes.TrimRight(content, "\r\n"); len(content) == 0 {
		return "", fmt.Errorf("%s is empty", name)
	}
	return string(content), nil
}

// RefuseSecrets refuses secrets in the arguments, which every user of the machine can read
// (ps). A database URL without a password is no secret.
func RefuseSecrets(args []string) error {
	for i, arg := range args {
		if arg == "--" {
			return nil
		}
		flag, value, joined := strings.Cut(arg, "=")
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		switch flag {
		case "--encryption-key":
			return errors.New("--encryption-key shows the key to every user of this machine; set ENCRYPTION_KEY, or name a file with --encryption-key-file")
		case "--oidc-client-secret":
			return errors.New("--oidc-client-secret shows the secret to every user of this machine; set OIDC_CLIENT_SECRET, or name a file with --oidc-client-secret-file")
		case "--smtp-url":
			if hasPassword(value) {
				return errors.New("--smtp-url shows the mail server's password to every user of this machine; set SMTP_URL, or name a file with --smtp-url-file")
			}
		case "--database-url", "--migrate-database-url":
			if hasPassword(value) {
				return fmt.Errorf("%s shows the database's password to every user of this machine; set the variable, or name a file with %s-file", flag, flag)
			}
		}
	}
	return nil
}

// hasPassword reports whether a connection string of PostgreSQL or of a mail server holds a password.
func hasPassword(text string) bool {
	if u, err := url.Parse(text); err == nil && (strings.HasPrefix(u.Scheme, "postgres") || strings.HasPrefix(u.Scheme, "smtp")) {
		_, has := u.User.Password()
		return has || u.Query().Has("password")
	}
	return strings.Contains(text, "password") || strings.Contains(text, "@")
}
