// Package house holds the rules of STYLE.md that a machine can check.
//
// It promises that each failure names the place, the rule and the reason, so that whoever breaks one learns why it is there instead
// of how to silence it. It refuses taste: what needs judgement is left to review. Look first at TestImports and TestStatements.
package house
