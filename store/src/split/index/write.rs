//! Builds the index in memory: terms are collected here, tantivy writes them in its own format.

use std::io;
use std::path::{Path, PathBuf};

use tantivy::directory::RamDirectory;
use tantivy::postings::InvertedIndexSerializer;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Directory, Index, TantivyDocument};

use super::collect::PageTerms;

/// Documents without terms take none of it; more would be a larger table to walk at the end.
const MEMORY_BUDGET_BYTES: usize = 300_000;

/// The one field.
pub(crate) const FIELD: &str = "t";

#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    terms: PageTerms,
    pages: u32,
}

impl IndexBuilder {
    /// Begins the next page, whose terms are to be added to what is returned.
    pub(crate) fn begin_page(&mut self) -> &mut PageTerms {
        self.terms.begin(self.pages);
        self.pages += 1;
        &mut self.terms
    }

    /// The index's files by name. None at all if there is no page.
    pub(crate) fn finish(self) -> io::Result<Vec<(String, Vec<u8>)>> {
        if self.pages == 0 {
            return Ok(Vec::new());
        }
        self.files().map_err(io::Error::other)
    }

    /// A segment of documents without terms, and beside it the terms' files, which take the place
    /// of that segment's own.
    fn files(&self) -> tantivy::Result<Vec<(String, Vec<u8>)>> {
        let (schema, field) = schema();
        let documents = RamDirectory::create();
        let mut writer = Index::builder()
            .schema(schema.clone())
            .single_segment_index_writer::<TantivyDocument>(documents.clone(), MEMORY_BUDGET_BYTES)?;
        for _ in 0..self.pages {
            writer.add_document(TantivyDocument::default())?;
        }
        let index = writer.finalize()?;
        let mut paths: Vec<PathBuf> = index.directory().list_managed_files().into_iter().collect();
        paths.sort();
        let terms = self.term_files(schema, field)?;
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let same_kind = |(term_path, _): &&(PathBuf, Vec<u8>)| term_path.extension() == path.extension();
            let bytes = match terms.iter().find(same_kind) {
                Some((_, bytes)) => bytes.clone(),
                None if documents.exists(&path)? => documents.atomic_read(&path)?,
                None => continue,
            };
            files.push((path.to_string_lossy().into_owned(), bytes));
        }
        Ok(files)
    }

    /// Term dictionary, postings, and the empty file of positions, of a segment of no documents.
    fn term_files(&self, schema: Schema, field: Field) -> tantivy::Result<Vec<(PathBuf, Vec<u8>)>> {
        let directory = RamDirectory::create();
        let segment = Index::builder()
            .schema(schema)
            .open_or_create(directory.clone())?
            .new_segment();
        let mut serializer = InvertedIndexSerializer::open(&segment)?;
        let mut terms = serializer.new_field(field, 0, None)?;
        self.terms.table().each(|term, pages| {
            terms.new_term(term, pages.len() as u32, false)?;
            pages.iter().for_each(|&page| terms.write_doc(page, 1, &[]));
            terms.close_term()
        })?;
        terms.close()?;
        serializer.close()?;
        let managed = segment.index().directory().list_managed_files();
        let is_of_segment = |path: &Path| path.extension().is_some_and(|extension| extension != "json");
        let paths = managed.into_iter().filter(|path| is_of_segment(path));
        paths
            .map(|path| {
                let bytes = directory.atomic_read(&path)?;
                Ok((path, bytes))
            })
            .collect()
    }
}

fn schema() -> (Schema, Field) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let field = schema.add_text_field(FIELD, TextOptions::default().set_indexing_options(indexing));
    (schema.build(), field)
}
