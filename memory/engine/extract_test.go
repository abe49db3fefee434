package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"memhook/memory"
)

func TestTexts(t *testing.T) {
	tests := []struct {
		role, said string
		want       []string
	}{
		{"user", "I didn't enjoy the concert", []string{"Didn't enjoy the concert"}},
		{"user", "I did not enjoy the concert", []string{"Did not enjoy the concert"}},
		{"user", "I do not eat pork", []string{"Does not eat pork"}},
		{"user", "I do yoga every morning", []string{"Does yoga every morning"}},
		{"user", "I do love sushi", []string{"Loves sushi"}},
		{"user", "I did a PhD in physics", []string{"Did a PhD in physics"}},
		{"user", "I wasn't born in Peru", []string{"Wasn't born in Peru"}},
		{"user", "we weren't invited to the wedding", []string{"Wasn't invited to the wedding"}},
		{"user", "I ain't fond of rain", []string{"Isn't fond of rain"}},
		{"user", "I had surgery in April", []string{"Had surgery in April"}},
		{"user", "I'm gonna learn Spanish", []string{"Is gonna learn Spanish"}},
		{"user", "I wanna learn Spanish", []string{"Wants to learn Spanish"}},
		{"user", "im vegan and ive got two cats", []string{"Is vegan", "Has two cats"}},
		{"user", "I’m allergic to nuts", []string{"Is allergic to nuts"}},
		{"user", "I was born on May 3, 1990", []string{"Was born on May 3, 1990"}},
		{"user", "I was born in Peru", []string{"Was born in Peru"}},
		{"user", "I moved from Berlin to Lisbon", []string{"Lives in Lisbon"}},
		{"user", "We moved to Lisbon from Berlin", []string{"Lives in Lisbon"}},
		{"user", "I moved to a new flat", []string{"Moved to a new flat"}},
		{"user", "I'm Anna, 34, from Berlin", []string{"Name is Anna", "Is 34 years old", "Is from Berlin"}},
		{"user", "When I was a child, I lived in Peru", []string{"Lived in Peru when they were a child"}},
		{"user", "In 2019 I moved to Rome", []string{"Moved to Rome in 2019"}},
		{"user", "Looking for a flat in Rome", []string{"Is looking for a flat in Rome"}},
		{"user", "Allergic to peanuts.", []string{"Is allergic to peanuts"}},
		{"user", "My iPhone is broken, mail me at my email: jo@x.org", []string{"iPhone is broken", "Email is jo@x.org"}},
		{"user", "I love \"The Office\" and 'Dark'", []string{"Loves \"The Office\" and 'Dark'"}},
		{"user", "My dad works for the US Navy", []string{"Dad works for the US Navy"}},
		{"user", "I have Type 1 diabetes (since 2004)", []string{"Has Type 1 diabetes (since 2004)"}},
		{"user", "- I live in Rome\n- I'm vegan", []string{"Lives in Rome", "Is vegan"}},
		{"user", "> I live in Rome", nil},
		{"user", "```\nI live in Rome\n```\nI'm vegan", []string{"Is vegan"}},
		{"user", "My PIN is 1234", nil},
		{"assistant", "You are booked on flight BA117 on May 3.", []string{"The user is booked on flight BA117 on May 3"}},
		{"assistant", "I've updated your shipping address to 5 Elm St.", []string{"Assistant updated the user's shipping address to 5 Elm St"}},
		{"assistant", "I've updated the function to handle nil.", nil},
		{"assistant", "I've booked it.", nil},
		{"assistant", "I couldn't book your flight.", nil},
		{"assistant", "Your essay is well structured.", nil},
		{"assistant", "I live in the cloud.", nil},
	}
	for _, tt := range tests {
		t.Run(tt.said, func(t *testing.T) {
			facts, _ := extract(memory.Add{Turns: []memory.Turn{{Role: tt.role, Text: tt.said}}})
			var got []string
			for _, f := range facts {
				got = append(got, f.text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s says %q (-want +got):\n%s", tt.role, tt.said, diff)
			}
		})
	}
}
