package notes

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMarkupIsReadAsABrowserShowsIt(t *testing.T) { // R7
	t.Parallel()
	for note, want := range map[string]string{
		// Blocks are lines, the rest is nothing.
		"<p>a</p><p>b</p>":          "a\nb",
		"<div>a<div>b</div>c</div>": "a\nb\nc",
		"a<br>b<br/>c<BR />d</br>e": "a\nb\nc\nd\ne",
		"<ul><li>a<li>b</ul>c":      "a\nb\nc",
		"<table><caption>S: a</caption><tr><th>b</th><td>c</td></tr></table>": "S: a\nb\nc",
		"<fieldset><legend>S: a</legend>b</fieldset>":                         "S: a\nb",
		"<figure><figcaption>a</figcaption></figure>b":                        "a\nb",
		"<dl><dt>a<dd>b</dl>":                                "a\nb",
		"a<hr>b<section>c</section><article>d</article>":     "a\nb\nc\nd",
		"i<b>n</b>li<i>n</i>e <span>te</span>xt":             "inline text",
		"H<sub>2</sub>O, 5<sup>th</sup>, <a href=x>link</a>": "H2O, 5th, link",
		"<h2>a</h2>b":       "a\nb",
		"<p>\n a\n b\n</p>": "a\nb",

		// Attributes of every form.
		`<p class="x" style='y: "z"' id=q data-a contenteditable>a</p>`: "a",
		`<td nowrap colspan=2>a</td><td NOWRAP valign>b</td>`:           "a\nb",
		`<input disabled checked>a<option selected>b`:                   "a\nb",
		`<a title="x > y" href='<b>'>a</a>`:                             "a",
		"<p\nclass=x\n>a</p\n>":                                         "a",
		`<img alt="S: no" src="data:image/png;base64,AAAA=="/>a`:        "a",
		`<p v:shapes="x" xmlns:o="urn:y">a</p>`:                         "a",
		`<p a="1"b='2'>a</p>`:                                           "a",
		"<p align = center>a</p>":                                       "a",

		// What nobody sees.
		"a<!-- S: no -->b<!---->c<!-->d<!-- > -->e":                   "abcde",
		"a<script>S: no <b>x</b></script>b<STYLE>p{}</STYLE >c":       "abc",
		"a<script>if (a<b && c>d) '<p>'</script>b":                    "ab",
		"<html><head><title>no</title><meta charset=x></head><body>a": "a",
		"<!DOCTYPE html><p>a":                                         "a",
		"a<template>S: no</template>b":                                "ab",
		"a<script>S: no":                                              "a",
		"a<!-- S: no":                                                 "a",
		"<script/>S: no</script>a":                                    "a",
		"a<title>b":                                                   "a<title>b",
		"a<noscript>b</noscript>c":                                    "a\nb\nc", // a head may begin there (R7)
		"<textarea>a <b> &amp; c</textarea>":                          "a <b> & c",

		// Word.
		"<![if !supportLists]>1.<![endif]>S: itchy<o:p></o:p>":                                                                             "S: itchy",
		"<p class=MsoNormal><![if !supportLists]><span style='mso-list:Ignore'>1.<span>&nbsp; </span></span><![endif]>S: a<o:p></o:p></p>": "S: a",
		"<!--[if !supportLists]-->1.<!--[endif]-->S: a":                                                                                    "S: a",
		"<!--[if gte mso 9]><xml><w:View>Normal</w:View></xml><![endif]-->S: a":                                                            "S: a",
		"<![if !vml]><img src=x><![endif]>a<![if !mso]>b<![endif]>":                                                                        "ab",
		"<![if !supportLists]>1. a":                                                                                                        "1. a",
		"<st1:place w:st=\"on\">Oak City</st1:place> <st1:City>S</st1:City>: a":                                                            "Oak City S: a",
		"<?xml:namespace prefix = o ns = \"urn:x\" /><o:p>&nbsp;</o:p>a":                                                                   "a",
		"<xml><o:x>S: no</o:x></xml>a":                                                                                                     "a",
		"<p style='a:b'>S: a<o:p/></p>":                                                                                                    "S: a",

		// Entities.
		"<p>a&nbsp;b &lt;c&gt; &amp;amp; &#233;&#xE9;&eacute;</p>": "a\u00a0b <c> &amp; ééé",
		"<p>R&D &copyright &nosuch; &notit; &</p>":                 "R&D &copyright &nosuch; &notit; &",

		// Text that is no markup.
		"T < 38, WBC <5 and >3, BP <120, x<y, <3": "T < 38, WBC <5 and >3, BP <120, x<y, <3",
		"a<b and c>d":   "a<b and c>d",
		"a <b c=d e> f": "a <b c=d e> f",
		"<unknown> <S: no> <O:normal> <A> <-- here":    "<unknown> <S: no> <O:normal>  <-- here",
		"temp <38.5> <2 weeks> <see below> <i think>":  "temp <38.5> <2 weeks> <see below> <i think>",
		"<p>T < 38 and <5, a<b</p>":                    "T < 38 and <5, a<b",
		"<p>x</p> & <note> </note> <!important> <!38>": "x\n& <note> </note> <!important> <!38>",
		"x <b and <br>y":                               "x <b and\ny",
		"S: a <p":                                      "S: a <p",
		`<p>a</p><a href="x`:                           "a\n<a href=\"x",
		"<p>a</p></p b":                                "a\n</p b",
		"\t< p >":                                      "\t< p >",
		"":                                             "",
		"plain\n  text\n\n stays &amp; is decoded": "plain\n  text\n\n stays & is decoded",
	} {
		require.Equal(t, want, Plain(note), "%q", note)
	}
}
