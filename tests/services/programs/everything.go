// Logs much and odd things, and then fails.
package main

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
)

type Broken struct{ text string }

func (b *Broken) Error() string { return b.text }

func main() {
	other := NewPulseOps(os.Getenv("URL"), "pol_test")
	other.Close()
	other.Close()
	other.Info("late", nil)

	logs := NewPulseOps(os.Getenv("URL"), "pol_test")
	defer logs.Close()
	for i := 0; i < 1200; i++ {
		logs.Info("line", Fields{"i": i})
	}
	failure := fmt.Errorf("outer: %w", fmt.Errorf("middle: %w", errors.New("inner")))
	logs.Error("failed", Fields{"error": failure, "trace_id": "t1", "request_id": 7})
	var nothing *string
	logs.Info("odd", Fields{"nan": math.NaN(), "fine": 7, "trace_id": nil, "request_id": nothing})
	var deep any = "LEAF"
	for i := 0; i < 50; i++ {
		deep = map[string]any{"deep": deep}
	}
	circle := map[string]any{}
	circle["self"] = circle
	logs.Debug("deep", Fields{"deep": deep, "big": new(big.Int).Exp(big.NewInt(10), big.NewInt(500), nil), "circle": circle})
	var broken *Broken
	logs.Info("broken", Fields{"broken": broken, "function": func() {}, "fine": 7})
	logs.Info("large", Fields{"text": strings.Repeat("x", 3000000)})
	many := Fields{}
	for i := 0; i < 2000; i++ {
		many[fmt.Sprint("field ", i)] = i
	}
	logs.Info("many", many)
	logs.Warn("", nil)
	logs.Info("last", nil)
	panic("uncaught")
}
