//! A page as a browser reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::default::Default;

use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// An element, without what is in it.
#[derive(Debug)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
}

/// A page, taken apart.
pub struct Page {
    pub elements: Vec<Element>,
    /// All text that is shown, without that of styles.
    pub text: String,
}

impl Page {
    /// Reads a page, and fails if a browser would have to guess what is meant.
    pub fn read(html: &str) -> Self {
        let parser = html5ever::parse_document(RcDom::default(), Default::default());
        let dom = parser.one(html);
        let errors = dom.errors.borrow();
        assert!(errors.is_empty(), "{errors:?}\n{html}");
        let mut page = Self {
            elements: Vec::new(),
            text: String::new(),
        };
        page.take(&dom.document);
        page
    }

    fn take(&mut self, node: &Handle) {
        match &node.data {
            NodeData::Element { name, attrs, .. } => {
                let attributes = attrs.borrow();
                let attributes = attributes.iter().map(|one| {
                    let name = one.name.local.to_string();
                    (name, one.value.to_string())
                });
                let name = name.local.to_string();
                let is_style = name == "style";
                self.elements.push(Element {
                    name,
                    attributes: attributes.collect(),
                });
                if is_style {
                    return;
                }
            }
            NodeData::Text { contents } => {
                self.text += &contents.borrow();
                self.text.push('\n');
            }
            _ => {}
        }
        for child in node.children.borrow().iter() {
            self.take(child);
        }
    }

    /// The elements of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |one| one.name == name)
    }

    /// Checks what holds of every page: it loads nothing and runs nothing, what refers to an
    /// element finds it, and what can be scrolled can be reached by the keyboard.
    pub fn check(&self) {
        let allowed = [
            "a",
            "article",
            "body",
            "caption",
            "dd",
            "details",
            "dl",
            "dt",
            "figcaption",
            "figure",
            "footer",
            "g",
            "h1",
            "h2",
            "h3",
            "head",
            "header",
            "html",
            "li",
            "line",
            "main",
            "meta",
            "nav",
            "p",
            "path",
            "pre",
            "rect",
            "section",
            "strong",
            "style",
            "summary",
            "svg",
            "table",
            "tbody",
            "td",
            "text",
            "th",
            "thead",
            "title",
            "tr",
            "ul",
            "div",
        ];
        let mut ids = BTreeSet::new();
        for one in &self.elements {
            assert!(allowed.contains(&&*one.name), "{one:?}");
            if let Some(id) = one.attributes.get("id") {
                assert!(ids.insert(id.clone()), "{id} is there twice");
            }
        }
        for one in &self.elements {
            for (name, value) in &one.attributes {
                assert!(!name.starts_with("on") && name != "src", "{one:?}");
                if name == "href" {
                    let id = value.strip_prefix('#');
                    assert!(id.is_some_and(|id| ids.contains(id)), "{one:?}");
                }
                if name == "aria-labelledby" || name == "aria-describedby" {
                    assert!(ids.contains(value), "{one:?}");
                }
            }
            let is_named = |one: &Element| {
                let names = ["aria-label", "aria-labelledby"];
                names.iter().any(|name| one.attributes.contains_key(*name))
            };
            let class = one.attributes.get("class").map(String::as_str);
            if class == Some("scroll") {
                assert_eq!(
                    one.attributes.get("tabindex").map(String::as_str),
                    Some("0")
                );
                assert!(is_named(one), "{one:?}");
            }
            if one.name == "svg" {
                assert_eq!(one.attributes.get("role").map(String::as_str), Some("img"));
                assert!(is_named(one), "{one:?}");
            }
        }
        let h1 = self.all("h1").count();
        assert_eq!(h1, 1, "{h1} headings of the page");
    }
}
