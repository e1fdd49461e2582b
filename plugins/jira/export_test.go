package jira

// Question is what is asked for a text.
var Question = question
