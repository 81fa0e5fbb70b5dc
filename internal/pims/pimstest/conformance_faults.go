package pimstest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// What each fault means, if it does not pass. A truncated answer and one that was
// cut off may look alike.
var faultKinds = []struct {
	fault Fault
	kinds []error
}{
	{FaultHTML, []error{pims.ErrSchemaDrift}},
	{FaultMaintenance, []error{pims.ErrServer}},
	{FaultNull, []error{pims.ErrSchemaDrift}},
	{FaultEmptyObject, []error{pims.ErrSchemaDrift}},
	{FaultRenamed, []error{pims.ErrSchemaDrift}},
	{FaultTruncated, []error{pims.ErrSchemaDrift, pims.ErrUnreachable}},
	{FaultCut, []error{pims.ErrUnreachable, pims.ErrSchemaDrift}},
	{FaultHang, []error{pims.ErrUnreachable}},
	{FaultServerError, []error{pims.ErrRemote}},
	{FaultBusy, []error{pims.ErrRemote}},
	{FaultRateLimit, []error{pims.ErrRateLimited}},
	{FaultForbidden, []error{pims.ErrRemote}},
	{FaultSessionDies, []error{pims.ErrSessionExpired}},
	{FaultCharset, []error{pims.ErrSchemaDrift}},
	{FaultLoggedOut, []error{pims.ErrSessionExpired}},
	{FaultLongText, []error{pims.ErrSchemaDrift}},
	{FaultDeep, []error{pims.ErrSchemaDrift}},
	{FaultSaysFailed, []error{pims.ErrRemote}},
}

// The faults that pass when the request is sent again (R32).
var passing = []Fault{FaultTruncated, FaultCut, FaultServerError, FaultBusy, FaultMaintenance, FaultRateLimit}

func runFaults(t *testing.T, h Harness) {
	for _, op := range []Op{OpProve, OpAppointments, OpSearch, OpConsultation, OpFind} {
		for _, f := range faultKinds {
			t.Run(sentence(string(op), "answered with", string(f.fault), "is an error of its kind and nothing else"), func(t *testing.T) {
				t.Parallel()
				lastingFault(t, h, op, f.fault, f.kinds)
			})
		}
		for _, fault := range passing {
			t.Run(sentence(string(op), "succeeds after", string(fault)), func(t *testing.T) {
				t.Parallel()
				passingFault(t, h, op, fault)
			})
		}
	}
	t.Run("a session that dies during the fetch spoils the snapshot", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		session := b.login()
		b.Fail(OpAppointments, FaultSessionDies)
		snapshot, err := session.Appointments(t.Context(), b.window(1, 31))
		b.requireKind(err, pims.ErrSessionExpired)
		require.Zero(t, snapshot.Found())
	})
	for _, op := range []Op{OpConsultation, OpFind} {
		t.Run(sentence("a record whose", string(op), "is answered as a dead session is does not end the session"), func(t *testing.T) { // R20
			t.Parallel()
			b := newBench(t, h, berlin)
			b.fill()
			session := b.login()
			b.Fail(op, FaultLoggedOut)
			for _, c := range b.calls() {
				switch {
				case c.op == OpFind && !isFinder(session):
				case c.op == op:
					b.requireKind(c.run(t.Context(), session), pims.ErrSessionExpired)
					require.NoError(t, session.Prove(t.Context()), "the proof tells it from a dead session")
				default:
					require.NoError(t, c.run(t.Context(), session))
				}
			}
		})
	}
	t.Run("one bad slice spoils the snapshot", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		session := b.login()
		b.FailOnce(OpAppointments, FaultNull)
		snapshot, err := session.Appointments(t.Context(), b.window(1, 31))
		b.requireKind(err, pims.ErrSchemaDrift)
		require.Zero(t, snapshot.Found())
	})
}

// run makes the call of an op on a filled remote system.
func (b *bench) run(op Op) (run func(context.Context) error, supported bool) {
	b.fill()
	session := b.login()
	for _, c := range b.calls() {
		if c.op == op {
			return func(ctx context.Context) error { return c.run(ctx, session) }, op != OpFind || isFinder(session)
		}
	}
	return nil, false
}

func lastingFault(t *testing.T, h Harness, op Op, fault Fault, kinds []error) {
	b := newBench(t, h, berlin)
	if fault == FaultHang {
		b = newHastyBench(t, h)
	}
	run, supported := b.run(op)
	if !supported {
		return
	}
	b.Fail(op, fault)
	err := run(t.Context())
	b.requireDiscreet(err)
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the PIMS's fault, not the caller's patience")
	var words []string
	for _, kind := range kinds {
		words = append(words, pims.Kind(kind))
	}
	require.Contains(t, words, pims.Kind(err), "%v", err)

	b.Heal()
	if fault != FaultSessionDies {
		require.NoError(t, run(t.Context()), "the session lives on")
	}
}

func passingFault(t *testing.T, h Harness, op Op, fault Fault) {
	b := newBench(t, h, berlin)
	run, supported := b.run(op)
	if !supported {
		return
	}
	b.FailOnce(op, fault)
	require.NoError(t, run(t.Context()))
}
