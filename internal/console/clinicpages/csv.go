package clinicpages

import (
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// maxCSV is the largest file of clinics, in bytes, and maxLines how many clinics it may have.
const (
	maxCSV   = 512 << 10
	maxLines = 2000
)

type (
	csvView struct {
		Columns []csvColumn
		Sample  string
		Problem string // of the whole file
		Lines   []csvLine
		Good    int
		Bad     int
		Draft   string // the file, sealed; empty: nothing can be added
		Start   bool
	}

	csvColumn struct {
		Name, Meaning string
		Needed        bool
	}

	csvLine struct {
		N           int // as an editor counts
		Name, Zone  string
		Provider    string
		Login       bool
		Problem     string // empty: it can be added
		credentials pims.Credentials
	}
)

// csvPage adds many clinics from a CSV file. It shows each line with what is wrong with it
// before anything is stored.
func (s *screens) csvPage() page.Page {
	return page.Page{
		Path: "/setup/csv", Title: "Add clinics from a CSV file", Template: "setup-csv", Needs: access.ChangeSystem, Under: "/",
		Show:     func(v *page.Visit) (any, error) { return s.csvPreview(v) },
		Searches: true, // the form without an act is the preview
		Acts:     map[string]page.Act{"import": {Needs: access.ChangeSystem, Do: s.importCSV}},
	}
}

func (s *screens) csvPreview(v *page.Visit) (*csvView, error) {
	shown := &csvView{Start: v.Text("start") != ""}
	s.csvColumns(shown)
	if v.Method != http.MethodPost {
		return shown, nil
	}
	text, err := s.sentCSV(v)
	if err == nil {
		shown.Lines, err = s.readCSV(v, text)
	}
	if problem, mendable := errors.AsType[page.Problem](err); mendable {
		v.Problem = string(problem)
		return shown, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range shown.Lines {
		if shown.Lines[i].Problem == "" {
			shown.Good++
		} else {
			shown.Bad++
		}
	}
	if shown.Good == 0 {
		return shown, nil
	}
	sealed, err := s.o.Service.SealDraft(v.By(), text)
	shown.Draft = base64.RawURLEncoding.EncodeToString(sealed)
	return shown, err
}

// csvColumns says which columns a file has.
func (s *screens) csvColumns(shown *csvView) {
	shown.Columns = []csvColumn{{"name", "The clinic's name", true}, {"timezone", "Such as America/Chicago", true}}
	declared := s.o.Service.Providers()
	if len(declared) > 1 {
		var names []string
		for _, d := range declared {
			names = append(names, d.Name)
		}
		shown.Columns = append(shown.Columns, csvColumn{"provider", "The kind of PIMS: " + strings.Join(names, ", "), true})
	}
	for _, d := range declared {
		for _, f := range d.Fields {
			if !slices.ContainsFunc(shown.Columns, func(x csvColumn) bool { return x.Name == f.Name }) {
				shown.Columns = append(shown.Columns, csvColumn{f.Name, f.Label, false})
			}
		}
	}
	names := make([]string, len(shown.Columns))
	for i := range shown.Columns {
		names[i] = shown.Columns[i].Name
	}
	shown.Sample = strings.Join(names, ",")
}

// sentCSV returns the text of the form: pasted, as a file, or kept from the preview.
func (s *screens) sentCSV(v *page.Visit) (string, error) {
	if draft := v.PostForm.Get("draft"); draft != "" {
		sealed, err := base64.RawURLEncoding.DecodeString(draft)
		if err != nil {
			return "", page.Problem("The file must be sent again.")
		}
		text, err := s.o.Service.OpenDraft(v.By(), sealed)
		if err != nil {
			return "", page.Problem("The file must be sent again: it was kept for somebody else, or under an old encryption key.")
		}
		return text, nil
	}
	if file, _, err := v.FormFile("file"); err == nil {
		defer file.Close() //nolint:errcheck // it was only read
		text, err := io.ReadAll(io.LimitReader(file, maxCSV+1))
		if len(text) > 0 {
			return string(text), err
		}
	}
	return v.PostForm.Get("csv"), nil
}

// readCSV reads the lines and says what is wrong with each. The error is about the file as a
// whole; it and the problems repeat no secret.
func (s *screens) readCSV(v *page.Visit, text string) ([]csvLine, error) {
	if len(text) > maxCSV {
		return nil, page.Problem(fmt.Sprintf("The file is larger than %d KiB. Divide it.", maxCSV>>10))
	}
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	reader.TrimLeadingSpace, reader.FieldsPerRecord = true, -1
	header, err := reader.Read()
	if err != nil {
		return nil, page.Problem("The file is empty, or its first line cannot be read. Its first line names the columns.")
	}
	if err := s.checkHeader(header); err != nil {
		return nil, err
	}
	existing, err := s.o.Clinics.Clinics(v.Context())
	if err != nil {
		return nil, err
	}
	var lines []csvLine
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if len(lines) == maxLines {
			return nil, page.Problem(fmt.Sprintf("The file has over %d clinics. Divide it.", maxLines))
		}
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			return append(lines, csvLine{N: wrong.Line, Problem: "This line cannot be read: look at its quotes. The lines after it were not read."}), nil
		}
		if err != nil {
			return nil, err
		}
		n, _ := reader.FieldPos(0)
		line := csvLine{N: n}
		line.read(s.o.Service.Providers(), header, cells)
		if line.Problem == "" {
			line.Problem = taken(line.Name, existing, lines)
		}
		lines = append(lines, line)
	}
}

// checkHeader trims the names of the columns, and says which is unknown or missing.
func (s *screens) checkHeader(header []string) error {
	known := &csvView{}
	s.csvColumns(known)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
		if !slices.ContainsFunc(known.Columns, func(x csvColumn) bool { return x.Name == header[i] }) && header[i] != "provider" {
			return page.Problem(fmt.Sprintf("Column %d has no known name. The first line names the columns, such as: %s", i+1, known.Sample))
		}
	}
	for _, column := range known.Columns {
		if column.Needed && !slices.Contains(header, column.Name) {
			return page.Problem(fmt.Sprintf("The column %s is missing. The first line names the columns, such as: %s", column.Name, known.Sample))
		}
	}
	return nil
}

// read reads the cells of a line and checks them.
func (l *csvLine) read(declared []pims.Declaration, header, cells []string) {
	if len(cells) != len(header) {
		l.Problem = fmt.Sprintf("It has %d cells and not %d.", len(cells), len(header))
	}
	l.credentials = pims.Credentials{}
	for i, name := range header[:min(len(header), len(cells))] {
		cell := strings.TrimSpace(cells[i])
		switch {
		case name == "name":
			l.Name = cell
		case name == "timezone":
			l.Zone = cell
		case name == "provider":
			l.Provider = cell
		case cell != "":
			l.credentials[name] = cells[i]
		}
	}
	if l.Problem != "" {
		return
	}
	if _, err := clinic.CheckName(l.Name); err != nil {
		l.Problem = "The name " + err.Error() + "."
		return
	}
	if _, err := clinic.LoadZone(l.Zone); err != nil {
		l.Problem = "The time zone is not one like America/Chicago."
		return
	}
	l.checkLogin(declared)
}

// checkLogin checks the credentials of a line; it may have none.
func (l *csvLine) checkLogin(declared []pims.Declaration) {
	if l.Provider == "" && len(declared) == 1 {
		l.Provider = declared[0].Name
	}
	i := slices.IndexFunc(declared, func(d pims.Declaration) bool { return d.Name == l.Provider || slices.Contains(d.Aliases, l.Provider) })
	if i < 0 {
		l.Problem = "There is no such kind of PIMS."
		return
	}
	if l.Login = len(l.credentials) > 0; !l.Login {
		return
	}
	d := declared[i]
	for _, f := range d.Fields {
		if value, given := l.credentials[f.Name]; given && !f.Secret {
			l.credentials[f.Name] = strings.TrimSpace(value)
		}
	}
	err := d.CheckNames(l.credentials)
	if err == nil {
		err = d.Check(d.Complete(l.credentials))
	}
	if err != nil {
		l.Problem = page.Sentence(err.Error())
	}
}

// taken says where a name is in use already.
func taken(name string, existing []clinic.Clinic, lines []csvLine) string {
	for i := range existing {
		if clinic.SameName(existing[i].Name, name) {
			return "There is a clinic of this name already."
		}
	}
	for i := range lines {
		if clinic.SameName(lines[i].Name, name) {
			return fmt.Sprintf("Line %d has the same name.", lines[i].N)
		}
	}
	return ""
}

// importCSV adds the clinics of the lines that are right. A file that is sent twice adds
// nothing twice: their names exist.
func (s *screens) importCSV(v *page.Visit) (page.Notice, error) {
	text, err := s.sentCSV(v)
	if err != nil {
		return page.Notice{}, err
	}
	lines, err := s.readCSV(v, text)
	if err != nil {
		return page.Notice{}, err
	}
	added, left := 0, 0
	for i := range lines {
		if lines[i].Problem != "" {
			left++
			continue
		}
		err := s.importLine(v, &lines[i])
		if _, mendable := errors.AsType[page.Problem](err); err != nil && !mendable {
			return page.Notice{}, err
		}
		if err != nil {
			return page.Notice{}, page.Problem(fmt.Sprintf("%s added. Line %d was not: %s Send the file again for the rest.", page.Counted(added, "clinic"), lines[i].N, page.Sentence(err.Error())))
		}
		added++
	}
	if added == 0 {
		return page.Notice{}, page.Problem("No line can be added. Nothing was stored.")
	}
	notice := page.Notice{Text: page.Counted(added, "clinic") + " added.", Next: screen.SetupRoot}
	if left > 0 {
		notice.Text += " " + page.Counted(left, "line") + " left out."
	}
	return notice, nil
}

func (s *screens) importLine(v *page.Visit, l *csvLine) error {
	draft := clinic.Clinic{Name: l.Name, Timezone: l.Zone}
	var added clinic.Clinic
	var err error
	if v.Text("start") != "" {
		added, err = s.o.Service.AddClinic(v.Context(), v.By(), draft, false)
	} else {
		added, err = s.o.Service.AddHeld(v.Context(), v.By(), draft)
	}
	if err == nil && l.Login {
		err = s.o.Service.SetCredential(v.Context(), v.By(), added.ID, l.Provider, l.credentials)
	}
	if err != nil {
		return screen.Told(err)
	}
	return nil
}
