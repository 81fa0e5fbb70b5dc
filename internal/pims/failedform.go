package pims

import "context"

// A FailedForm is what a page shows on which a login failed, without any value. It has no typed value,
// mail address or digit; texts only where nothing was submitted before.
type FailedForm struct {
	Page    string // host and path; empty where no page came
	Parts   []PagePart
	Left    int      // parts that are left out, because there are too many
	Cookies []string // names of the browser's cookies, in order
}

// A PagePart is a field, a button or a frame of a page.
type PagePart struct {
	Kind     string // such as "text", "password", "submit button", "iframe"
	Name     string // the attribute
	ID       string // the attribute
	Label    string // what it says, or what says what it is for
	Source   string // of a frame: the host
	Hidden   bool
	Disabled bool
	Shadow   bool // it is in a shadow tree, where no selector finds it
	Required bool // the page wants it to be filled in
}

type failedFormKey struct{}

// SeeFailedForm lets somebody see which fields and buttons the page has on which logins fail that are
// made with the context. A Browser that cannot tell does not call see.
func SeeFailedForm(ctx context.Context, see func(FailedForm)) context.Context {
	return context.WithValue(ctx, failedFormKey{}, see)
}

// FailedFormSeer returns the function that SeeFailedForm was given, or nil.
func FailedFormSeer(ctx context.Context) func(FailedForm) {
	see, _ := ctx.Value(failedFormKey{}).(func(FailedForm))
	return see
}
