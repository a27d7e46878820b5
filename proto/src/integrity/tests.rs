mod notes;
mod records;
mod salts;
mod trees;
