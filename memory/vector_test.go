package memory

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestVectorLikeness(t *testing.T) {
	tests := []struct {
		name string
		a, b []float32
		want float64
	}{
		{"itself", []float32{1, 2, 3}, []float32{1, 2, 3}, 1},
		{"longer", []float32{1, 2, 3}, []float32{10, 20, 30}, 1},
		{"nothing in common", []float32{1, 0}, []float32{0, 1}, 0},
		{"opposite", []float32{1, 0}, []float32{-1, 0}, 0},
		{"half way", []float32{1, 0}, []float32{1, 1}, math.Sqrt2 / 2},
		{"other sizes", []float32{1, 0}, []float32{1, 0, 0}, 0},
		{"no direction", []float32{1, 0}, []float32{0, 0}, 0},
		{"not a number", []float32{1, 0}, []float32{float32(math.NaN()), float32(math.Inf(1))}, 0},
		{"empty", nil, nil, 0},
		{"too long", make([]float32, MaxDimensions+1), make([]float32, MaxDimensions+1), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := NewVector(tt.a), NewVector(tt.b)
			if got := a.likeness(b); math.Abs(got-tt.want) > 0.005 || got != b.likeness(a) {
				t.Errorf("likeness %v, want %v", got, tt.want)
			}
		})
	}
}

// TestVectorIsNearTheCosine: what bytes lose is less than a hundredth, for the
// sizes that models have.
func TestVectorIsNearTheCosine(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{384, 768, 1536, 3072} {
		for range 50 {
			a, b := make([]float32, size), make([]float32, size)
			var dot, aa, bb float64
			share := rnd.Float64()
			for i := range a {
				a[i] = float32(rnd.NormFloat64())
				b[i] = float32(share*float64(a[i]) + (1-share)*rnd.NormFloat64())
				dot += float64(a[i]) * float64(b[i])
				aa += float64(a[i]) * float64(a[i])
				bb += float64(b[i]) * float64(b[i])
			}
			exact := max(0, dot/math.Sqrt(aa*bb))
			if got := NewVector(a).likeness(NewVector(b)); math.Abs(got-exact) > 0.01 {
				t.Fatalf("of %d dimensions: likeness %v, cosine %v", size, got, exact)
			}
		}
	}
}
