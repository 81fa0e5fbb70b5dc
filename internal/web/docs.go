package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The page at /docs is made once from the OpenAPI document. It loads nothing from
// elsewhere, so it is readable offline, and it runs no script.

//go:embed docs.html.tmpl
var docsTemplate string

//go:embed docs.css
var docsStyle string

type (
	docsView struct {
		Title, Version, About string
		Style                 template.CSS
		Tags                  []docsTag
		Operations            []docsOperation
		Schemas               []docsSchema
	}

	docsTag struct {
		Name, Description string
		Operations        []docsOperation
	}

	docsOperation struct {
		ID, Method, Path, Summary, Description, Curl string
		Params                                       []docsField
		Request                                      *docsSchema
		Responses                                    []docsResponse
	}

	docsResponse struct {
		Status, Description string
		Kind                docsKind
		Example             string
	}

	docsSchema struct {
		Name   string
		Kind   docsKind
		Fields []docsField
	}

	docsField struct {
		Name, In, Meaning string
		Optional          bool
		Kind              docsKind
	}

	// docsKind lists the alternatives of a value.
	docsKind []docsPart

	// docsPart is one alternative: words, followed by the schema they refer to.
	docsPart struct{ Text, Schema string }
)

// docsAddress is the placeholder in the page for the address that it is served from.
const docsAddress = "http://address.invalid"

// docs serves the page. Its commands contain the address at which the caller found it.
func docs(page []byte, policy string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := template.HTMLEscapeString(EntryOf(r.Context()).BaseURL(r))
		shown := bytes.ReplaceAll(page, []byte(docsAddress), []byte(address))
		Static("text/html; charset=utf-8", policy, shown).ServeHTTP(w, r)
	})
}

// docsPage makes the page and its Content-Security-Policy.
func docsPage(doc *huma.OpenAPI, operations []Operation) (page []byte, policy string) {
	view := docsView{Title: doc.Info.Title, Version: doc.Info.Version, About: doc.Info.Description, Style: template.CSS(docsStyle)} //nolint:gosec // our own
	byTag := map[string][]docsOperation{}
	for _, op := range operations {
		shown := docsOperationOf(doc, op)
		view.Operations = append(view.Operations, shown)
		byTag[op.Tag] = append(byTag[op.Tag], shown)
	}
	for _, tag := range doc.Tags {
		view.Tags = append(view.Tags, docsTag{tag.Name, tag.Description, byTag[tag.Name]})
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		view.Schemas = append(view.Schemas, docsSchema{Name: name, Fields: docsFields(schemas[name])})
	}

	tmpl := template.Must(template.New("docs").Funcs(template.FuncMap{"prose": prose}).Parse(docsTemplate))
	var out bytes.Buffer
	if err := tmpl.Execute(&out, view); err != nil {
		panic(fmt.Sprintf("web: the documentation page cannot be made: %v", err))
	}
	style := sha256.Sum256([]byte(docsStyle))
	policy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(style[:]))
	return out.Bytes(), policy
}

func docsOperationOf(doc *huma.OpenAPI, op Operation) docsOperation {
	described := Described(doc.Paths[op.Path])[op.Method]
	shown := docsOperation{
		ID: op.ID, Method: op.Method, Path: op.Path,
		Summary: described.Summary, Description: described.Description, Curl: curl(op, described),
	}
	for _, p := range described.Parameters {
		shown.Params = append(shown.Params, docsField{Name: p.Name, In: p.In, Meaning: p.Description, Kind: kindsOf(p.Schema)})
	}
	if described.RequestBody != nil {
		schema := described.RequestBody.Content["application/json"].Schema
		shown.Request = &docsSchema{Kind: kindsOf(schema), Fields: docsFields(doc.Components.Schemas.SchemaFromRef(schema.Ref))}
	}
	for _, status := range slices.Sorted(maps.Keys(described.Responses)) {
		shown.Responses = append(shown.Responses, docsResponseOf(status, described.Responses[status]))
	}
	return shown
}

// Described returns the operations of a path by their methods.
func Described(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}
	maps.DeleteFunc(all, func(_ string, op *huma.Operation) bool { return op == nil })
	return all
}

func docsResponseOf(status string, response *huma.Response) docsResponse {
	shown := docsResponse{Status: status, Description: response.Description}
	for _, media := range response.Content {
		shown.Kind = kindsOf(media.Schema)
		if example, ok := media.Example.(json.RawMessage); ok && status < "300" {
			var indented bytes.Buffer
			if json.Indent(&indented, example, "", "  ") == nil {
				shown.Example = indented.String()
			}
		}
	}
	return shown
}

// curl returns a command that tries an operation.
func curl(op Operation, described *huma.Operation) string {
	line := "curl"
	if op.Method != http.MethodGet {
		line += " -X " + op.Method
	}
	if op.Needs != "" {
		line += ` -H "X-API-Key: $PIMS_SYNC_KEY"`
	}
	if described.RequestBody != nil {
		example, _ := described.RequestBody.Content["application/json"].Example.(json.RawMessage)
		if string(example) != "{}" {
			line += " -H 'Content-Type: application/json' -d '" + string(example) + "'"
		}
	}
	return line + " " + docsAddress + strings.NewReplacer("{id}", "$ID", "{clinicId}", "$CLINIC").Replace(op.Path)
}

func docsFields(schema *huma.Schema) []docsField {
	var fields []docsField
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		fields = append(fields, docsField{
			Name: name, Meaning: meaningOf(property), Kind: kindsOf(property),
			Optional: !slices.Contains(schema.Required, name),
		})
	}
	return fields
}

// meaningOf returns a field's description, with its default and its bounds.
func meaningOf(s *huma.Schema) string {
	meaning := s.Description
	if s.Minimum != nil && s.Maximum != nil {
		meaning += fmt.Sprintf(" From %g to %g.", *s.Minimum, *s.Maximum)
	}
	return strings.TrimSpace(meaning)
}

func kindsOf(s *huma.Schema) docsKind {
	if len(s.AnyOf) > 0 {
		var kinds docsKind
		for _, alternative := range s.AnyOf {
			kinds = append(kinds, kindsOf(alternative)...)
		}
		return kinds
	}
	kinds := docsKind{kindOfOne(s)}
	if s.Nullable {
		kinds = append(kinds, docsPart{Text: "null"})
	}
	return kinds
}

func kindOfOne(s *huma.Schema) docsPart {
	switch {
	case s.Ref != "":
		return docsPart{Schema: strings.TrimPrefix(s.Ref, schemaPrefix)}
	case s.Items != nil:
		item := kindOfOne(s.Items)
		return docsPart{Text: "list of " + item.Text, Schema: item.Schema}
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = fmt.Sprint(word)
		}
		return docsPart{Text: strings.Join(words, ", ")}
	case s.Type == huma.TypeString && s.Format != "":
		return docsPart{Text: s.Format}
	default:
		return docsPart{Text: s.Type}
	}
}

// prose formats a description: paragraphs, and `code` between backticks.
func prose(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		out.WriteString("<p>")
		for i, part := range strings.Split(paragraph, "`") {
			escaped := template.HTMLEscapeString(part)
			if i%2 == 1 {
				escaped = "<code>" + escaped + "</code>"
			}
			out.WriteString(escaped)
		}
		out.WriteString("</p>")
	}
	return template.HTML(out.String()) //nolint:gosec // escaped above
}
