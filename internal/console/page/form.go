package page

// A Fact is a name and a value.
type Fact struct {
	Name  string
	Value any
}

// A Choice is one of several values of a filter.
type Choice struct {
	Value, Title string
	Chosen       bool
}

// picked is a filter with its choices.
type picked struct {
	Name, Label string
	Choices     []Choice
}

// Choices returns what a filter offers, after "all of them".
func Choices(chosen, all string, pairs ...string) []Choice {
	offered := []Choice{{"", all, chosen == ""}}
	for i := 0; i+1 < len(pairs); i += 2 {
		offered = append(offered, Choice{pairs[i], pairs[i+1], chosen == pairs[i]})
	}
	return offered
}
