package synccmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/render"
)

// CasesCheckNotesCmd looks for notes that an earlier version may have left with
// another patient or visit (R7).
type CasesCheckNotesCmd struct {
	Clinic cli.OfClinic `help:"The clinic. Without it, all clinics are checked."`
	Clear  bool         `help:"Hide the notes that were found. The history keeps them, and the next cases sync reads the right notes."`
	DryRun bool         `help:"With --clear or --undo: only show what would be hidden or put back."`
	Undo   cli.ID       `help:"Put back what a clearing hid: the id that --clear printed." placeholder:"CLEARING"`
}

// Help shows how the command is used.
func (*CasesCheckNotesCmd) Help() string {
	return `It changes nothing unless --clear or --undo is given. It prints ids, and no names.

Example:
  pims-sync cases check-notes
  pims-sync cases check-notes --clinic ID --clear --dry-run
  pims-sync cases check-notes --clinic ID --clear
  pims-sync sync cases --clinic ID
  pims-sync cases check-notes --undo CLEARING`
}

// Run checks, clears, or undoes a clearing.
func (a *CasesCheckNotesCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	undoes := a.Undo.UUID != uuid.Nil
	switch {
	case a.Clear && undoes:
		return cli.Usage(errors.New("--clear and --undo exclude each other"))
	case a.DryRun && !a.Clear && !undoes:
		return cli.Usage(errors.New("--dry-run needs --clear or --undo; the check itself changes nothing"))
	case a.Clear && !a.Clinic.Given():
		return cli.Usage(errors.New("--clear needs --clinic: the clinics are cleared one by one"))
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		if undoes {
			return a.undo(ctx, std, c, s)
		}
		return a.check(ctx, std, c, s)
	})
}

// checkedClinic is the part of one clinic in the result.
type checkedClinic struct {
	ClinicID uuid.UUID     `json:"clinicId"`
	Checked  int           `json:"checked"`
	Unjudged int           `json:"unjudged"`
	Cases    []suspectCase `json:"cases"`
}

type suspectCase struct {
	CaseID         uuid.UUID               `json:"caseId"`
	PIMSID         string                  `json:"pimsId"`
	PatientID      string                  `json:"patientId"`
	ConsultationID string                  `json:"consultationId"`
	Reasons        []cases.SuspicionReason `json:"reasons"`
}

// checkedNotes is the whole result. Clearing is null where nothing was cleared.
type checkedNotes struct {
	DryRun   bool            `json:"dryRun"`
	Clearing *uuid.UUID      `json:"clearing"`
	Cleared  int             `json:"cleared"`
	Clinics  []checkedClinic `json:"clinics"`
}

func (a *CasesCheckNotesCmd) check(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store) error {
	clinics, err := a.clinics(ctx, s)
	if err != nil {
		return err
	}
	clearing, by := uuid.Must(uuid.NewV7()), ""
	if a.Clear && !a.DryRun {
		by = cases.ClearingActor + clearing.String()
	}
	result := checkedNotes{DryRun: a.DryRun, Clinics: []checkedClinic{}}
	for _, owner := range clinics {
		check, err := s.Cases().CheckNotes(ctx, owner.ID, by, time.Now())
		if by != "" && (err != nil || check.Cleared > 0) {
			action := cli.Event(access.NotesHide, owner.ID, access.RecordOf("clearing", clearing))
			action.After = access.Values{"hidden": check.Cleared}
			err = errors.Join(err, s.OperatorLog().Note(ctx, action, err))
		}
		if err != nil {
			return err
		}
		result.Cleared += check.Cleared
		result.Clinics = append(result.Clinics, checkedOf(owner.ID, &check))
	}
	if result.Cleared > 0 {
		result.Clearing = &clearing
	}
	return cli.Show(std, c, result, func(w io.Writer) { a.tell(w, &result) })
}

func (a *CasesCheckNotesCmd) clinics(ctx context.Context, s *app.Store) ([]clinic.Clinic, error) {
	if !a.Clinic.Given() {
		return s.Clinics().Clinics(ctx)
	}
	owner, err := cli.ClinicOf(ctx, s, a.Clinic.UUID)
	return []clinic.Clinic{owner}, err
}

func checkedOf(id uuid.UUID, check *casestore.NotesCheck) checkedClinic {
	of := checkedClinic{ClinicID: id, Checked: check.Checked, Unjudged: check.Unjudged, Cases: []suspectCase{}}
	for i := range check.Suspects {
		x := &check.Suspects[i]
		of.Cases = append(of.Cases, suspectCase{x.CaseID, x.PIMSID, x.Shows.PatientID, x.Shows.ConsultationID, x.Reasons})
	}
	return of
}

func (a *CasesCheckNotesCmd) tell(w io.Writer, r *checkedNotes) {
	suspects := 0
	for i := range r.Clinics {
		of := &r.Clinics[i]
		suspects += len(of.Cases)
		fmt.Fprintf(w, "clinic %s: %s with notes checked, %d suspect, %d with a history too short to judge\n",
			of.ClinicID, render.Counted(of.Checked, "case"), len(of.Cases), of.Unjudged)
		if len(of.Cases) == 0 {
			continue
		}
		rows := make([][]string, len(of.Cases))
		for j := range of.Cases {
			x := &of.Cases[j]
			reasons := make([]string, len(x.Reasons))
			for k, reason := range x.Reasons {
				reasons[k] = string(reason)
			}
			rows[j] = []string{x.CaseID.String(), x.PIMSID, render.OrDash(x.PatientID), render.OrDash(x.ConsultationID), strings.Join(reasons, ", ")}
		}
		render.Table(w, []string{"case", "appointment", "patient id", "consultation id", "why"}, rows)
	}
	switch {
	case r.Clearing != nil:
		fmt.Fprintf(w, "The notes of %s were hidden; `pims-sync sync cases` reads what is their own. To undo: pims-sync cases check-notes --undo %s\n",
			render.Counted(r.Cleared, "case"), r.Clearing)
	case a.Clear && a.DryRun:
		fmt.Fprintf(w, "The notes of %s would be hidden; nothing was changed.\n", render.Counted(suspects, "case"))
	case a.Clear:
		fmt.Fprintln(w, "There was nothing to hide.")
	case suspects > 0:
		fmt.Fprintln(w, "Nothing was changed. `pims-sync cases check-notes --clinic ID --clear --dry-run` tells what would be hidden.")
	}
}

func (a *CasesCheckNotesCmd) undo(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store) error {
	clearing := cases.ClearingActor + a.Undo.String()
	clinicID, err := s.Cases().ClearedBy(ctx, clearing)
	if err != nil {
		return err
	}
	r, err := s.Cases().RestoreNotes(ctx, clinicID, clearing, cases.UndoneClearingActor+a.Undo.String(), a.DryRun, time.Now())
	if !a.DryRun {
		action := cli.Event(access.NotesReturn, clinicID, access.RecordOf("clearing", a.Undo.UUID))
		action.After = access.Values{"returned": r.Restored}
		err = errors.Join(err, s.OperatorLog().Note(ctx, action, err))
	}
	if err != nil {
		return err
	}
	document := map[string]any{
		"clearing": a.Undo.UUID, "clinicId": clinicID, "dryRun": a.DryRun, "restored": r.Restored, "already": r.Already, "kept": r.Kept,
	}
	return cli.Show(std, c, document, func(w io.Writer) { tellUndone(w, &r, a.DryRun) })
}

func tellUndone(w io.Writer, r *casestore.RestoredNotes, dryRun bool) {
	switch {
	case r.Already > 0 && r.Restored == 0:
		fmt.Fprintf(w, "This clearing was undone before: the notes of %s were put back then. Changed since the clearing and left as they are: %d\n",
			render.Counted(r.Already, "case"), r.Kept)
	case dryRun:
		fmt.Fprintf(w, "notes that would be put back: %d, put back before: %d, changed since the clearing and left as they are: %d; nothing was changed\n",
			r.Restored, r.Already, r.Kept)
	default:
		fmt.Fprintf(w, "notes put back: %d, put back before: %d, changed since the clearing and left as they are: %d\n", r.Restored, r.Already, r.Kept)
	}
}
