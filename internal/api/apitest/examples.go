package apitest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Examples checks that every example of the description matches its schema. It returns how
// many it has seen, and the first that does not match as an error.
func (c *Contract) Examples() (seen int, err error) {
	err = c.walk(c.whole, nil, func(node map[string]any, where []string) error {
		if example, ok := node["example"]; ok && node["schema"] != nil {
			seen++
			if err := c.checkExample(example, append(where, "schema")); err != nil {
				return err
			}
		}
		examples, _ := node["examples"].([]any)
		for _, example := range examples {
			seen++
			if err := c.checkExample(example, where); err != nil {
				return err
			}
		}
		return nil
	})
	return seen, err
}

func (c *Contract) checkExample(example any, where []string) error {
	schema, err := compile(c.compiler, where)
	if err != nil {
		return err
	}
	if err := schema.Validate(example); err != nil {
		return fmt.Errorf("the example of %s: %w", pointer(where), err)
	}
	return nil
}

// walk visits every object of a document, in order, but the examples themselves.
func (c *Contract) walk(node any, where []string, visit func(map[string]any, []string) error) error {
	switch node := node.(type) {
	case map[string]any:
		if err := visit(node, slices.Clip(where)); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(node)) {
			if name == "example" || name == "examples" {
				continue
			}
			if err := c.walk(node[name], append(slices.Clip(where), name), visit); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range node {
			if err := c.walk(item, append(slices.Clip(where), strconv.Itoa(i)), visit); err != nil {
				return err
			}
		}
	}
	return nil
}
