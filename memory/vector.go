package memory

import (
	"encoding/binary"
	"math"
)

// A Vector is the direction of a text's meaning in the space of one model: the sum
// of the squares of its coordinates as four bytes, little endian, then one signed
// byte for each coordinate, scaled so that the largest is 127. A quarter of the
// size of 32-bit numbers, and cosines differ by less than a hundredth, which no
// ranking shows. The empty Vector is like no other.
type Vector []byte

// MaxDimensions is the longest vector that is taken from a model.
const MaxDimensions = 8192

const vectorHead = 4

// NewVector returns the direction of v, nil when it has none.
func NewVector(v []float32) Vector {
	largest := 0.0
	for _, x := range v {
		largest = max(largest, math.Abs(float64(x)))
	}
	if largest == 0 || math.IsInf(largest, 0) || math.IsNaN(largest) || len(v) > MaxDimensions {
		return nil
	}
	out := make(Vector, vectorHead, vectorHead+len(v))
	var squares uint32
	for _, x := range v {
		n := int8(math.Round(float64(x) / largest * 127))
		squares += uint32(int32(n) * int32(n))
		out = append(out, byte(n))
	}
	binary.LittleEndian.PutUint32(out, squares)
	return out
}

// likeness is the cosine between two vectors of one model, from 0 for what has
// nothing in common, to 1.
func (v Vector) likeness(o Vector) float64 {
	if len(v) <= vectorHead || len(v) != len(o) {
		return 0
	}
	squares := float64(binary.LittleEndian.Uint32(v)) * float64(binary.LittleEndian.Uint32(o))
	a, b := v[vectorHead:], o[vectorHead:]
	b = b[:len(a)]
	var dot int32
	for i, x := range a {
		dot += int32(int8(x)) * int32(int8(b[i]))
	}
	if dot <= 0 || squares == 0 {
		return 0
	}
	return min(1, float64(dot)/math.Sqrt(squares))
}
