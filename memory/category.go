package memory

import (
	"encoding/json"
	"strings"
)

// A Category is a topic that memories are sorted under.
type Category struct {
	Name        string
	Description string // what belongs to it; "" when the name says all
}

// Limits of a list of categories.
const (
	MaxCategories   = 100
	MaxCategoryText = 2000 // bytes of a name or a description
)

// DefaultCategories is the list where neither the call nor the project has one.
// The names are mem0's. It is not to be changed.
var DefaultCategories = []Category{
	{"personal_details", "Name, age, birthday, where they live, how to reach them"},
	{"family", "Relatives, partner, children, pets"},
	{"professional_details", "Job, employer, career, education, skills"},
	{"sports", "Sports, teams and exercise"},
	{"travel", "Trips, flights, hotels, places visited or to be visited"},
	{"food", "Food, drinks, cooking, restaurants, diets"},
	{"music", "Songs, artists, instruments, concerts"},
	{"health", "Health, illness, allergies, medication, sleep"},
	{"technology", "Software, devices, programming"},
	{"hobbies", "What they do in their free time"},
	{"fashion", "Clothes, shoes, style"},
	{"entertainment", "Films, series, games, books, shows"},
	{"milestones", "Weddings, births, graduations, moves, promotions"},
	{"user_preferences", "Likes, dislikes, and how the agent is to behave"},
	{"misc", "Everything else"},
}

// ParseCategories reads mem0's custom_categories, an array of {name: description}
// or of names. null, nothing and an empty array are no list, which is nil.
// *InvalidError.
func ParseCategories(raw json.RawMessage) ([]Category, error) {
	var items []json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &items) != nil {
		return nil, &InvalidError{Text: "must be an array of {name: description} or of names"}
	}
	var list []Category
	for _, item := range items {
		var name string
		var described map[string]*string
		switch {
		case json.Unmarshal(item, &name) == nil && string(item) != "null":
			list = append(list, Category{Name: name})
		case json.Unmarshal(item, &described) == nil && len(described) > 0:
			for _, n := range sortedKeys(described) {
				c := Category{Name: n}
				if d := described[n]; d != nil {
					c.Description = *d
				}
				list = append(list, c)
			}
		default:
			return nil, &InvalidError{Text: "must be an array of {name: description} or of names"}
		}
	}
	return list, checkCategories(list)
}

func checkCategories(list []Category) error {
	if len(list) > MaxCategories {
		return &InvalidError{Text: "may have at most 100 categories"}
	}
	for _, c := range list {
		if strings.TrimSpace(c.Name) == "" {
			return &InvalidError{Text: "may not have an empty name"}
		}
		if len(c.Name) > MaxCategoryText || len(c.Description) > MaxCategoryText {
			return &InvalidError{Text: "may have at most 2000 bytes in a name or a description"}
		}
	}
	return nil
}
