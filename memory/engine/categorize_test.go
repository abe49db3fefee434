package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"memhook/memory"
)

func TestCategorize(t *testing.T) {
	for _, test := range []struct {
		name string
		list []memory.Category
		text string
		want []string
	}{
		{"one", memory.DefaultCategories, "Name is Alex", []string{"personal_details"}},
		{"several, in the list's order", memory.DefaultCategories, "Likes to cook Thai food with her sister", []string{"family", "food", "user_preferences"}},
		{"plurals and endings", memory.DefaultCategories, "Plays two guitars, went skiing", []string{"sports", "music"}},
		{"health and food", memory.DefaultCategories, "Allergic to peanuts", []string{"food", "health"}},
		{"nothing", memory.DefaultCategories, "The gate code is 4411", []string{"misc"}},
		{"words, not parts of them", memory.DefaultCategories, "Carpet and scatter", []string{"misc"}},
		{"no text", memory.DefaultCategories, " … ", []string{"misc"}},
		{"a name", []memory.Category{{Name: "billing"}, {Name: "Shipping"}}, "Asked about shipping to Oslo", []string{"Shipping"}},
		{
			"a description",
			[]memory.Category{{Name: "support", Description: "Tickets, refunds and complaints of a customer"}},
			"Wants a refund for order 1234",
			[]string{"support"},
		},
		{"a name in camel case", []memory.Category{{Name: "travelPlans"}}, "Plans a holiday in travels", []string{"travelPlans"}},
		{"a known name", []memory.Category{{Name: "Food", Description: "x"}}, "Eats sushi", []string{"Food"}},
		{"a rest by another name", []memory.Category{{Name: "billing"}, {Name: "Other"}}, "Likes tea", []string{"Other"}},
		{"no rest", []memory.Category{{Name: "billing", Description: "everything about the user"}}, "The user likes tea", []string{}},
		{"another script", []memory.Category{{Name: "咖啡"}, {Name: "кофе"}}, "Пьёт кофе", []string{"кофе"}},
		{"letters outside ASCII before a capital", []memory.Category{{Name: "éÉtude"}}, "étude", []string{"éÉtude"}},
	} {
		got, err := Local{}.Categorize(t.Context(), []string{test.text, test.text}, test.list)
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: %d answers, error %v", test.name, len(got), err)
		}
		if diff := cmp.Diff([][]string{test.want, test.want}, got); diff != "" {
			t.Errorf("%s: categories of %q (-want +got):\n%s", test.name, test.text, diff)
		}
	}
}

func BenchmarkCategorize(b *testing.B) {
	for b.Loop() {
		if _, err := (Local{}).Categorize(b.Context(), []string{"Likes to cook Thai food with her sister Anna on Sundays"}, memory.DefaultCategories); err != nil {
			b.Fatal(err)
		}
	}
}
