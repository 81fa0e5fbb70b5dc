package browser

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestClassifyIsSureBeforeItBlamesTheCredentials(t *testing.T) {
	t.Parallel()
	texts := map[error][]string{
		pims.ErrAuthRejected: {
			"Invalid username or password.",
			"  INVALID\n  CREDENTIALS ",
			"The user name or password is incorrect.",
			"Wrong password",
			"Unknown user",
			"Bad credentials",
			"These credentials do not match our records.",
			"Your password doesn't match",
			"Your password doesn’t match",
			"We couldn't find an account with that email address",
			"User not found",
			"No such user",
			"Invalid login attempt.",
			"Invalid company code or password",
			"Incorrect password. 2 attempts remaining.",
			"Incorrect password. Your account will be locked after 2 more attempts.",
			"Login failed: unknown e-mail",
			"The password you entered is not valid",
		},
		pims.ErrAuthChallenge: {
			"Your account is locked.",
			"Invalid password. Your account has been locked.",
			"This user has been disabled",
			"Your account is suspended, contact your administrator",
			"Too many failed login attempts, try again later",
			"You have exceeded the maximum number of login attempts",
			"Please complete the CAPTCHA",
			"reCAPTCHA verification failed",
			"Confirm that you are not a robot",
			"Enter the code that we sent you",
			"Incorrect verification code",
			"Two-factor authentication is required",
			"MFA required for this user",
			"Open your authenticator app",
			"Your password has expired",
			"You must reset your password",
		},
		nil: {
			"System under maintenance",
			"Login failed. Please try again.",
			"Something went wrong",
			"An error occurred (error code 17)",
			"Your session has expired, please log in again",
			"Invalid CSRF token, please log in again",
			"Invalid request for login",
			"Login page not found",
			"Unknown server error during login",
			"The login service is temporarily unavailable: bad gateway",
			"Logging in…",
			"Username is required",
			"Your licence for this account is invalid",
		},
	}
	for want, group := range texts {
		for _, text := range group {
			require.Equal(t, want, classify(text), text)
		}
	}
}
