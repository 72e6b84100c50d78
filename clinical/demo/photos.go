package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// photo is a picture that the program has drawn.
type photo struct {
	file, mime string
	w, h       int
	data       []byte
}

// photos draws every picture of the demo.
func photos() (map[string]photo, error) {
	regular, err := face(goregular.TTF, 22)
	if err != nil {
		return nil, err
	}
	bold, err := face(gobold.TTF, 26)
	if err != nil {
		return nil, err
	}
	all := map[string]photo{}
	for name, draw := range map[string]func(regular, bold font.Face) *image.RGBA{"ecg": drawECG, "bodymap": drawBodyMap, "rota": drawRota} {
		img := draw(regular, bold)
		p := photo{file: name + ".png", mime: "image/png", w: img.Rect.Dx(), h: img.Rect.Dy()}
		var b bytes.Buffer
		if name == "rota" { // as a phone would take it
			p.file, p.mime = "rota.jpg", "image/jpeg"
			err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 82})
		} else {
			err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img)
		}
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", name, err)
		}
		p.data = b.Bytes()
		all[name] = p
	}
	return all, nil
}

func face(ttf []byte, size float64) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("read font: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
}

func canvas(w, h int, c color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

func write(img draw.Image, f font.Face, x, y int, c color.Color, text string) {
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: f, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

// stroke draws a line of a given thickness between two points.
func stroke(img *image.RGBA, x0, y0, x1, y1, thick float64, c color.RGBA) {
	n := int(math.Hypot(x1-x0, y1-y0)*2) + 1
	for i := range n + 1 {
		t := float64(i) / float64(n)
		dot(img, x0+(x1-x0)*t, y0+(y1-y0)*t, thick/2, c)
	}
}

func dot(img *image.RGBA, x, y, r float64, c color.RGBA) {
	for py := int(y - r); py <= int(y+r); py++ {
		for px := int(x - r); px <= int(x+r); px++ {
			if math.Hypot(float64(px)-x, float64(py)-y) <= r+0.3 && image.Pt(px, py).In(img.Rect) {
				img.SetRGBA(px, py, c)
			}
		}
	}
}

func rect(img *image.RGBA, x, y, w, h int, c color.Color) {
	draw.Draw(img, image.Rect(x, y, x+w, y+h), image.NewUniform(c), image.Point{}, draw.Src)
}

var (
	ink   = color.RGBA{20, 24, 40, 255}
	faint = color.RGBA{120, 126, 140, 255}
)

// beat is one heartbeat, t from 0 to 1: P, QRS and a T wave of the given height, which high potassium makes tall and narrow.
func beat(t, r, tall float64) float64 {
	bump := func(at, width, height float64) float64 { return height * math.Exp(-math.Pow((t-at)/width, 2)) }
	return bump(0.16, 0.03, 0.09) + bump(0.285, 0.012, -0.12) + bump(0.31, 0.014, r) + bump(0.338, 0.014, -0.28) + bump(0.52, 0.035, tall)
}

// drawECG is a strip of leads II, V3 and V4 with peaked T waves. It is a drawing, of nobody's heart.
func drawECG(regular, bold font.Face) *image.RGBA {
	const w, h, mm = 1280, 760, 8
	img := canvas(w, h, color.RGBA{255, 247, 244, 255})
	for x := 0; x < w; x += mm {
		c := color.RGBA{248, 214, 208, 255}
		if x%(5*mm) == 0 {
			c = color.RGBA{236, 168, 160, 255}
		}
		rect(img, x, 0, 1, h, c)
		if x < h {
			rect(img, 0, x, w, 1, c)
		}
	}
	for i, lead := range []struct {
		name    string
		r, tall float64
	}{{"II", 0.9, 0.42}, {"V3", 0.75, 0.95}, {"V4", 1.05, 1.05}} {
		base := 210 + 220*float64(i)
		write(img, bold, 18, int(base)-96, ink, lead.name)
		px, py := 0.0, base
		for x := 0; x < w; x++ {
			t := math.Mod(float64(x)/190+0.07*float64(i), 1)
			wander := 3 * math.Sin(float64(x)/170+float64(i))
			y := base + wander - 10*mm*beat(t, lead.r, lead.tall)
			if x > 0 {
				stroke(img, px, py, float64(x), y, 2.6, ink)
			}
			px, py = float64(x), y
		}
	}
	write(img, regular, 18, 34, ink, "25 mm/s   10 mm/mV   40 Hz")
	write(img, regular, w-400, 34, faint, "Drawn for the demo. Not for diagnosis.")
	return img
}

// drawBodyMap is an outline of a body, front and back, with the places that were checked.
func drawBodyMap(regular, bold font.Face) *image.RGBA {
	const w, h = 960, 1100
	img := canvas(w, h, color.RGBA{250, 251, 253, 255})
	write(img, bold, 40, 60, ink, "Skin check: body map")
	for i, side := range []string{"Front", "Back"} {
		cx := 260 + 440*float64(i)
		outline(img, cx)
		write(img, regular, int(cx)-28, h-60, faint, side)
	}
	ok := color.RGBA{0, 120, 90, 255}
	for i, p := range []struct {
		x, y float64
		text string
	}{{640, 930, "L heel intact"}, {760, 930, "R heel intact"}, {700, 560, "Sacrum intact"}, {205, 520, "Cannula, day 1"}} {
		for a := 0.0; a < 2*math.Pi; a += 0.02 {
			dot(img, p.x+20*math.Cos(a), p.y+20*math.Sin(a), 2, ok)
		}
		write(img, regular, 40, 110+30*i, ok, fmt.Sprintf("%d  %s", i+1, p.text))
		write(img, regular, int(p.x)-6, int(p.y)+8, ok, fmt.Sprint(i+1))
	}
	write(img, regular, 40, h-20, faint, "Drawn for the demo. Not a patient.")
	return img
}

func outline(img *image.RGBA, cx float64) {
	c := color.RGBA{90, 100, 125, 255}
	for a := 0.0; a < 2*math.Pi; a += 0.01 {
		dot(img, cx+44*math.Cos(a), 290+54*math.Sin(a), 2, c)
	}
	half := [][2]float64{{16, 342}, {20, 370}, {84, 392}, {104, 440}, {112, 540}, {122, 640}, {104, 644}, {86, 548}, {74, 470}, {70, 560}, {74, 640}, {70, 760},
		{60, 880}, {62, 950}, {26, 952}, {22, 880}, {16, 760}, {4, 660}}
	for i := 1; i < len(half); i++ {
		for _, s := range []float64{-1, 1} {
			stroke(img, cx+s*half[i-1][0], half[i-1][1], cx+s*half[i][0], half[i][1], 3.5, c)
		}
	}
}

// drawRota is the board by the nurses' station.
func drawRota(regular, bold font.Face) *image.RGBA {
	const w, h = 1280, 900
	img := canvas(w, h, color.RGBA{196, 188, 176, 255})
	rect(img, 40, 40, w-80, h-80, color.RGBA{252, 252, 250, 255})
	write(img, bold, 70, 96, ink, "WARD 7   WEEK 48   E early   L late   N night   - off")
	days := strings.Fields("Mon Tue Wed Thu Fri Sat Sun")
	names := []string{"Priya", "Asha", "Daniel", "Eilidh", "Marek", "Bronwen", "Tom", "Grace", "Liam", "Yusuf"}
	shifts := []string{"EEEE---", "LLE-EEE", "NNN--LL", "-EELLNN", "LL-EE-E", "EEEEE--", "EEEEE-L", "ELLEE-L", "LLEE--E", "EEEEE--"}
	marker := map[byte]color.RGBA{'E': {20, 90, 160, 255}, 'L': {160, 80, 0, 255}, 'N': {90, 30, 130, 255}, '-': {170, 170, 170, 255}}
	for i, d := range days {
		write(img, bold, 300+130*i, 160, ink, d)
	}
	for row, name := range names {
		y := 222 + 62*row
		rect(img, 70, y+20, w-140, 2, color.RGBA{225, 225, 222, 255})
		write(img, regular, 80, y, ink, name)
		for i := range days {
			write(img, bold, 316+130*i, y, marker[shifts[row][i]], shifts[row][i:i+1])
		}
	}
	write(img, regular, 70, h-60, faint, "Swaps through Priya, please. Drawn for the demo.")
	return img
}
