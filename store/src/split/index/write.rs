//! Builds the index in memory.

use std::io;
use std::path::PathBuf;

use tantivy::directory::RamDirectory;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{Directory, SingleSegmentIndexWriter, TantivyDocument};

use super::super::page::PageRows;
use super::terms::{self, TERM_END};

/// tantivy's least; it grows beyond as it needs.
const MEMORY_BUDGET_BYTES: usize = 15_000_000;

const TOKENIZER: &str = "page_terms";

/// The one field.
pub(crate) const FIELD: &str = "t";

pub(crate) struct IndexBuilder {
    directory: RamDirectory,
    writer: SingleSegmentIndexWriter,
    field: Field,
    pages: u32,
}

impl IndexBuilder {
    pub(crate) fn new() -> io::Result<Self> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic);
        let field = schema.add_text_field(FIELD, TextOptions::default().set_indexing_options(indexing));
        let tokenizers = TokenizerManager::new();
        tokenizers.register(TOKENIZER, CutTerms::default());
        let directory = RamDirectory::create();
        let writer = tantivy::Index::builder()
            .schema(schema.build())
            .tokenizers(tokenizers)
            .single_segment_index_writer(directory.clone(), MEMORY_BUDGET_BYTES)
            .map_err(io::Error::other)?;
        Ok(Self {
            directory,
            writer,
            field,
            pages: 0,
        })
    }

    /// Adds the next page.
    pub(crate) fn add_page(&mut self, page: &PageRows<'_>, templates: &[u32]) -> io::Result<()> {
        let mut document = TantivyDocument::default();
        document.add_text(self.field, terms::page_terms(page, templates));
        self.pages += 1;
        self.writer.add_document(document).map_err(io::Error::other)
    }

    /// The index's files by name. None at all if there is no page.
    pub(crate) fn finish(self) -> io::Result<Vec<(String, Vec<u8>)>> {
        if self.pages == 0 {
            return Ok(Vec::new());
        }
        let index = self.writer.finalize().map_err(io::Error::other)?;
        let mut paths: Vec<PathBuf> = index.directory().list_managed_files().into_iter().collect();
        paths.sort();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            if self.directory.exists(&path).map_err(io::Error::other)? {
                let bytes = self.directory.atomic_read(&path).map_err(io::Error::other)?;
                files.push((path.to_string_lossy().into_owned(), bytes));
            }
        }
        Ok(files)
    }
}

/// Cuts a page's text at `TERM_END`.
#[derive(Clone, Default)]
struct CutTerms {
    token: Token,
}

impl Tokenizer for CutTerms {
    type TokenStream<'a> = CutStream<'a>;
    fn token_stream<'a>(&'a mut self, text: &'a str) -> CutStream<'a> {
        self.token.reset();
        CutStream {
            rest: text,
            token: &mut self.token,
        }
    }
}

struct CutStream<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl TokenStream for CutStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((term, rest)) = self.rest.split_once(TERM_END) else {
            return false;
        };
        self.rest = rest;
        self.token.text.clear();
        self.token.text.push_str(term);
        self.token.position = self.token.position.wrapping_add(1);
        true
    }
    fn token(&self) -> &Token {
        self.token
    }
    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
